import { DockerfileError, type Lines } from "./location.ts";

/** What the comments at a Dockerfile's top say to its parser. */
export interface Directives {
  readonly escape?: "\\" | "`" | undefined;
  /** The frontend asked for; this one reads all of them. */
  readonly syntax?: string | undefined;
  /** `skip=A,B;error=true`. */
  readonly check?: string | undefined;
}

export interface DirectiveBlock {
  readonly directives: Directives;
  /** How many lines at the top it takes. */
  readonly length: number;
}

const names = new Set(["syntax", "escape", "check"]);
const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;

/**
 * Reads `# name=value` lines from the top, until the first line that is none. A `#!` line may stand
 * before them; the escape character cannot be changed then.
 * @throws {DockerfileError} for one given twice, and for an unknown escape character.
 */
export function readDirectives(lines: readonly string[]): DirectiveBlock {
  const found = new Map<string, string>();
  const start = lines[0]?.startsWith("#!") === true ? 1 : 0;
  let length = 0;
  for (const [index, line] of lines.slice(start).entries()) {
    const [, written = "", value = ""] = directive.exec(line.trim()) ?? [];
    const name = written.toLowerCase();
    if (!names.has(name) || (start > 0 && name === "escape")) break;
    length = start + index + 1;
    check({ name, value }, found, { start: length, end: length });
    found.set(name, value);
  }
  const escape = found.get("escape");
  return {
    directives: {
      escape: escape === "\\" || escape === "`" ? escape : undefined,
      syntax: found.get("syntax"),
      check: found.get("check"),
    },
    length,
  };
}

function check(
  { name, value }: { readonly name: string; readonly value: string },
  before: ReadonlyMap<string, string>,
  at: Lines,
): void {
  if (before.has(name))
    throw new DockerfileError(at, `only one ${name} parser directive can be used`);
  if (name === "escape" && value !== "\\" && value !== "`") {
    throw new DockerfileError(at, `invalid escape token '${value}': expected \\ or \``);
  }
}
