import type { Dockerfile } from "#build/dockerfile/dockerfile.ts";
import type { Instruction, StageHead } from "#build/dockerfile/instructions.ts";
import type { FindingBook } from "./book.ts";

const reservedNames: readonly (string | undefined)[] = ["context", "scratch"];

/** The rules about how a Dockerfile is written, whatever its instructions come to. */
export function lintFile(dockerfile: Dockerfile, book: FindingBook): void {
  for (const { end } of dockerfile.emptyContinuations) {
    const place = { lines: { start: end, end }, comments: [] };
    book.add("NoEmptyContinuation", place, "Empty continuation line");
  }
  for (const arg of dockerfile.globalArgs) lintDescription(arg, book);
  const names = new Set<string>();
  for (const { head, instructions } of dockerfile.stages) {
    lintHead(head, names, book);
    for (const instruction of instructions) {
      if (instruction.kind === "arg") lintDescription(instruction, book);
      if (instruction.kind === "maintainer") {
        const message = "Maintainer instruction is deprecated in favor of using label";
        book.add("MaintainerDeprecated", instruction, message);
      }
    }
  }
  lintCasing(dockerfile, book);
}

/** The instruction's name as it is written. */
export function writtenName({ text }: Pick<Instruction, "text">): string {
  return /^\S*/.exec(text.trimStart())?.[0] ?? "";
}

function lintHead(head: StageHead, names: Set<string>, book: FindingBook): void {
  if (head.name === undefined) return;
  const [as = "", name = ""] = head.text.trimEnd().split(/\s+/).slice(-2);
  if (name !== name.toLowerCase()) {
    book.add("StageNameCasing", head, `Stage name '${name}' should be lowercase`);
  }
  const from = writtenName(head);
  const wanted = inCaseOf(from, as);
  if (wanted !== undefined && as !== wanted) {
    book.add("FromAsCasing", head, `'${as}' and '${from}' keywords' casing do not match`);
  }
  if (reservedNames.includes(head.name)) {
    const message = `Stage name should not use the same name as reserved stage "${head.name}"`;
    book.add("ReservedStageName", head, message);
  }
  if (names.has(head.name)) {
    const message = `Duplicate stage name "${head.name}", stage names should be unique`;
    book.add("DuplicateStageName", head, message);
  }
  names.add(head.name);
  lintDefinition(head, "FROM", [head.name], book);
}

/** A word in the case of another; undefined when that one is of mixed case. */
function inCaseOf(model: string, word: string): string | undefined {
  if (model === model.toLowerCase()) return word.toLowerCase();
  return model === model.toUpperCase() ? word.toUpperCase() : undefined;
}

function lintDescription(arg: Extract<Instruction, { kind: "arg" }>, book: FindingBook): void {
  const names = arg.definitions.map((it) => it.name);
  lintDefinition(arg, "ARG", names, book);
}

/** A comment right before a definition is taken for its description. */
function lintDefinition(
  place: Pick<Instruction, "lines" | "comments">,
  instruction: string,
  names: readonly string[],
  book: FindingBook,
): void {
  const [first = ""] = (place.comments.at(-1) ?? "").split(" ");
  if (first === "" || names.includes(first)) return;
  const example = names.length > 1 ? "<arg_key>" : (names[0] ?? "");
  const message = `Comment for ${instruction} should follow the format: \`# ${example} <description>\``;
  book.add("InvalidDefinitionDescription", place, message);
}

function lintCasing({ stages }: Dockerfile, book: FindingBook): void {
  const all = stages.flatMap(({ head, instructions }) => [head, ...instructions]);
  const written = all.map(writtenName);
  const lower = written.filter((it) => it === it.toLowerCase()).length;
  const upper = written.filter((it) => it === it.toUpperCase()).length;
  const isLower = lower > upper;
  for (const [index, name] of written.entries()) {
    const wanted = isLower ? name.toLowerCase() : name.toUpperCase();
    const place = all[index];
    if (name === wanted || place === undefined) continue;
    const casing = isLower ? "lowercase" : "uppercase";
    const message = `Command '${name}' should match the case of the command majority (${casing})`;
    book.add("ConsistentInstructionCasing", place, message);
  }
}
