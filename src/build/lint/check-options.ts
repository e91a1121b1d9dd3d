import { experimentalRules, type RuleName } from "./rules.ts";

/** Which rules are checked, and what a violation means. */
export interface CheckOptions {
  readonly skip: ReadonlySet<string> | "all";
  readonly experimental: ReadonlySet<string> | "all";
  /** Violations fail the build. */
  readonly error: boolean;
}

const everything: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

const names: readonly string[] = ["skip", "experimental", "error"];

/**
 * Reads `skip=A,B;error=true`, as the `check` directive has it.
 * @param text undefined for a file without one.
 * @throws {Error} for an option that there is not.
 */
export function parseCheckOptions(text: string | undefined): CheckOptions {
  let options = everything;
  for (const part of (text ?? "").split(";")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    if (at === -1 || !names.includes(name)) {
      throw new Error(`invalid check option '${part.trim()}': expected ${names.join("=, ")}=`);
    }
    const value = part.slice(at + 1).trim();
    options = { ...options, [name]: name === "error" ? readSwitch(value) : readRules(value) };
  }
  return options;
}

function readRules(value: string): ReadonlySet<string> | "all" {
  return value === "all" ? value : new Set(value.split(",").map((it) => it.trim()));
}

function readSwitch(value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new Error(`invalid check option 'error=${value}': expected true or false`);
}

/** The options of a file with those that the comments before one instruction add: `# check=skip=A`. */
export function withComments(options: CheckOptions, comments: readonly string[]): CheckOptions {
  const [text] = comments.flatMap((it) => /^check\s*=\s*(\S+)/i.exec(it)?.[1] ?? []);
  if (text === undefined) return options;
  try {
    const own = parseCheckOptions(text);
    return {
      skip: joined(options.skip, own.skip),
      experimental: joined(options.experimental, own.experimental),
      error: options.error,
    };
  } catch {
    // A comment may happen to look like one.
    return options;
  }
}

function joined(a: CheckOptions["skip"], b: CheckOptions["skip"]): CheckOptions["skip"] {
  return a === "all" || b === "all" ? "all" : new Set([...a, ...b]);
}

export function isChecked(rule: RuleName, { skip, experimental }: CheckOptions): boolean {
  if (experimentalRules.has(rule)) return experimental === "all" || experimental.has(rule);
  return skip !== "all" && !skip.has(rule);
}
