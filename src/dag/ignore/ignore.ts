/** Which of the two syntaxes an ignore file is written in; Airflow 3 has `glob`, 2 had `regexp`. */
export type IgnoreSyntax = "glob" | "regexp";

/** An ignore file, and the folder in which it counts; "" for the uppermost. */
export interface IgnoreFile {
  readonly folder: string;
  readonly text: string;
}

interface Rule {
  readonly folder: string;
  readonly pattern: RegExp;
  readonly negated: boolean;
}

/** Longest line that is read as a pattern. */
const lineLengthMax = 1_000;

/** The name of ignore files. */
export const ignoreFileName = ".airflowignore";

/**
 * Whether a path below the uppermost folder is left out. A folder that is left out is not looked
 * into. @param files from the uppermost folder downwards.
 * @throws {Error} naming the line of a bad regular expression.
 */
export function ignoreRules(
  files: readonly IgnoreFile[],
  syntax: IgnoreSyntax,
): (path: string, isFolder: boolean) => boolean {
  const rules = files.flatMap((file) => rulesOf(file, syntax));
  return (path, isFolder) => {
    let ignored = false;
    for (const rule of rules) {
      const inside = rule.folder === "" || path.startsWith(`${rule.folder}/`);
      if (!inside) continue;
      // Regular expressions see the path from the uppermost folder, globs that from their own.
      const own =
        syntax === "regexp" || rule.folder === "" ? path : path.slice(rule.folder.length + 1);
      if (rule.pattern.test(isFolder && syntax === "glob" ? `${own}/` : own))
        ignored = !rule.negated;
    }
    return ignored;
  };
}

function rulesOf({ folder, text }: IgnoreFile, syntax: IgnoreSyntax): Rule[] {
  return text.split(/\r?\n/).flatMap((line, at) => {
    if (line.length > lineLengthMax) {
      throw new Error(`${where(folder, at)}: the line is longer than ${lineLengthMax} characters`);
    }
    // What comes after `#` is a comment in both.
    const source = line.replace(/\s*#.*/, "");
    return syntax === "glob" ? globRule(folder, source) : regexpRule(folder, source, at);
  });
}

function where(folder: string, at: number): string {
  return `${folder === "" ? "" : `${folder}/`}${ignoreFileName}:${at + 1}`;
}

function regexpRule(folder: string, source: string, at: number): Rule[] {
  if (source === "") return [];
  try {
    return [{ folder, pattern: new RegExp(source), negated: false }];
  } catch (cause) {
    throw new Error(`${where(folder, at)}: bad regular expression '${source}'`, { cause });
  }
}

/** As `gitignore(5)` has it. */
function globRule(folder: string, line: string): Rule[] {
  const trimmed = line.replace(/(?<!\\)\s+$/, "");
  if (trimmed === "") return [];
  const negated = trimmed.startsWith("!");
  const pattern = negated ? trimmed.slice(1) : trimmed;
  if (pattern === "" || pattern === "/") return [];
  return [{ folder, pattern: globPattern(pattern), negated }];
}

/** A pattern for paths; those of folders end with a slash. */
export function globPattern(glob: string): RegExp {
  const onlyFolders = glob.endsWith("/");
  const body = onlyFolders ? glob.slice(0, -1) : glob;
  const anchored = body.includes("/");
  const parts = body.replace(/^\//, "").split("/");
  let source = anchored ? "^" : "^(?:.*/)?";
  for (const [at, part] of parts.entries()) {
    const last = at === parts.length - 1;
    if (part === "**") {
      source += last ? ".+" : "(?:.*/)?";
    } else source += partPattern(part) + (last ? "" : "/");
  }
  const tail = parts.at(-1) === "**" ? "" : onlyFolders ? "/.*" : "(?:/.*)?";
  return new RegExp(`${source}${tail}$`, "s");
}

/** One part between slashes. */
function partPattern(part: string): string {
  if (/^\*+$/.test(part)) return "[^/]+";
  return part.replaceAll(
    /\\(.)|\[(!|\^)?(\]?[^\]]*)\]|\*+|\?|[.+^${}()|\\[\]]/g,
    (it: string, escaped?: string, not?: string, set?: string) => {
      if (escaped !== undefined) return quote(escaped);
      if (set !== undefined && it.startsWith("[")) {
        return `[${not === undefined ? "" : "^/"}${set.replaceAll(/[\\\]]/g, String.raw`\$&`)}]`;
      }
      if (it.startsWith("*")) return "[^/]*";
      return it === "?" ? "[^/]" : quote(it);
    },
  );
}

function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
