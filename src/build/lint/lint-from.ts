import type { Dockerfile } from "#build/dockerfile/dockerfile.ts";
import { expand, type Expansion } from "#build/dockerfile/expand.ts";
import type { StageHead } from "#build/dockerfile/instructions.ts";
import { suggestion } from "#base/suggest.ts";
import { parseReference } from "#oci/reference.ts";
import type { FindingBook } from "./book.ts";

/** The values that FROM sees. */
export interface FromArguments {
  /** As this build has them. */
  readonly values: ReadonlyMap<string, string>;
  /** Without what the build was given. */
  readonly defaults: ReadonlyMap<string, string>;
}

/** The rules about the arguments of FROM. */
export function lintFrom(dockerfile: Dockerfile, args: FromArguments, book: FindingBook): void {
  const declared = dockerfile.globalArgs.flatMap((it) => it.definitions.map(({ name }) => name));
  const known = new Set([...declared, ...args.values.keys()]);
  function expanded(text: string, values: ReadonlyMap<string, string>): Expansion | undefined {
    try {
      return expand(text, (name) => values.get(name), { escape: dockerfile.escape });
    } catch {
      // Told by who builds the stage.
      return undefined;
    }
  }
  for (const { head } of dockerfile.stages) {
    const base = expanded(head.base, args.values);
    const platform = expanded(head.platform, args.values);
    for (const name of [...(base?.unset ?? []), ...(platform?.unset ?? [])]) {
      if (known.has(name)) continue;
      const near = suggestion(name, [...known]);
      book.add("UndefinedArgInFrom", head, `FROM argument '${name}' is not declared${near}`);
    }
    const byDefault = expanded(head.base, args.defaults);
    if (byDefault !== undefined && !isReference(byDefault.text)) {
      const message = `Default value for ARG ${head.base} results in empty or invalid base image name`;
      book.add("InvalidDefaultArgInFrom", head, message);
    }
    if (platform !== undefined && head.platform !== "") lintPlatform(head, platform, args, book);
  }
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}

const targetPlatform = "TARGETPLATFORM";

function lintPlatform(
  head: StageHead,
  platform: Expansion,
  { values }: FromArguments,
  book: FindingBook,
): void {
  const { text, used, unset } = platform;
  if (used.size === 1 && unset.size === 0 && used.has(targetPlatform)) {
    if (text !== values.get(targetPlatform)) return;
    const message = `Setting platform to predefined ${head.platform} in FROM is redundant as this is the default behavior`;
    book.add("RedundantTargetPlatform", head, message);
  }
  if (used.size > 0 || unset.size > 0) return;
  const parts = text.split("/").slice(0, 2);
  // A stage that is named after its platform is meant to have it.
  if (parts.some((it) => head.name?.includes(it) === true)) return;
  const message = `FROM --platform flag should not use constant value "${text}"`;
  book.add("FromPlatformFlagConstDisallowed", head, message);
}
