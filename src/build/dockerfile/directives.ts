import { DockerfileError } from "./location.ts";

/** What the comments at a Dockerfile's top say to its parser. */
export interface Directives {
  readonly escape?: "\\" | "`" | undefined;
  /** The frontend asked for; this one reads all of them. */
  readonly syntax?: string | undefined;
  /** `skip=A,B;error=true`. */
  readonly check?: string | undefined;
}

const names = new Set(["syntax", "escape", "check"]);
const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;

/**
 * Reads `# name=value` lines from the top, until the first line that is none.
 * @throws {DockerfileError} for one given twice, and for an unknown escape character.
 */
export function readDirectives(lines: readonly string[]): Directives {
  const found: { escape?: "\\" | "`"; syntax?: string; check?: string } = {};
  for (const [index, line] of lines.entries()) {
    const match = directive.exec(line.trim());
    const name = match?.[1]?.toLowerCase() ?? "";
    const value = match?.[2] ?? "";
    if (!names.has(name)) break;
    const at = { start: index + 1, end: index + 1 };
    if (name in found)
      throw new DockerfileError(at, `only one ${name} parser directive can be used`);
    if (name === "syntax") found.syntax = value;
    else if (name === "check") found.check = value;
    else if (value === "\\" || value === "`") found.escape = value;
    else {
      throw new DockerfileError(at, `invalid escape token '${value}': expected \\ or \``);
    }
  }
  return found;
}
