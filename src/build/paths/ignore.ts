import { cleanPath } from "./clean.ts";
import { compileDeepGlob } from "#base/glob.ts";

interface Pattern {
  readonly expression: RegExp;
  /** `!`: what it matches is not left out. */
  readonly exception: boolean;
}

/** What a directory's patterns said, for those of its entries. */
export interface IgnoreResult {
  readonly ignored: boolean;
  /** For each pattern whether it matched the path or a directory above it. */
  readonly matches: readonly boolean[];
}

/**
 * The patterns of a .dockerignore file: comments and empty lines gone, leading slashes and white
 * space too.
 */
export function readIgnoreFile(content: string): string[] {
  const lines = content.replace(/^\uFEFF/, "").split("\n");
  return lines.flatMap((line) => {
    if (line.startsWith("#")) return [];
    const text = line.trim();
    if (text === "") return [];
    const exception = text.startsWith("!");
    const path = exception ? text.slice(1).trim() : text;
    const clean = path === "" ? "" : cleanPath(path);
    const relative = clean.length > 1 ? clean.replace(/^\//, "") : clean;
    return [exception ? `!${relative}` : relative];
  });
}

const everything: ReadonlySet<string> = new Set(["*", "**", "**/*"]);

/** Decides what of a build's context is left out. */
export class IgnoreMatcher {
  readonly #patterns: readonly Pattern[];
  /** Whether something below an ignored directory may be taken in again. */
  readonly hasExceptions: boolean;
  /** Whether a pattern leaves out everything: `*` or `**`. */
  readonly ignoresAll: boolean;

  /** @throws {Error} for a broken pattern. */
  constructor(patterns: readonly string[]) {
    this.ignoresAll = patterns.some((it) => everything.has(it.trim()));
    this.#patterns = patterns.flatMap((raw) => {
      const text = raw.trim();
      if (text === "") return [];
      const clean = cleanPath(text);
      if (clean === "!") throw new Error('illegal exclusion pattern: "!"');
      const exception = clean.startsWith("!");
      return [{ exception, expression: compileDeepGlob(exception ? clean.slice(1) : clean) }];
    });
    this.hasExceptions = this.#patterns.some((it) => it.exception);
  }

  /**
   * The last pattern that matches a path or a directory above it decides.
   * @param path relative to the context, without a slash at its ends.
   * @param parent what this said of the directory the path is in; undefined at the context's top.
   */
  match(path: string, parent?: IgnoreResult): IgnoreResult {
    let ignored = false;
    const matches = this.#patterns.map((pattern, index) => {
      const inherited = parent?.matches[index] ?? false;
      // A pattern that would change nothing is not asked, and entries below do not inherit from it.
      if (!inherited && pattern.exception !== ignored) return false;
      const matched = inherited || pattern.expression.test(path);
      if (matched) ignored = !pattern.exception;
      return matched;
    });
    return { ignored, matches };
  }

  /** {@link match} for a path whose directories were not asked before. */
  ignores(path: string): boolean {
    const names = path.split("/");
    let result: IgnoreResult | undefined;
    for (const index of names.keys()) {
      result = this.match(names.slice(0, index + 1).join("/"), result);
    }
    return result?.ignored ?? false;
  }
}
