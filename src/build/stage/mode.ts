/** Gives a file's new permissions. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const classMasks: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const permissionBits: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };

/**
 * Reads --chmod: octal digits, or clauses as chmod(1) has them: `u+x,go=rX`.
 * @throws {Error}
 */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const clauses = text.split(",").map((clause) => {
    const [, who = "", actions = ""] =
      /^([ugoa]*)((?:[+=-](?:[ugo]|[rwxXst]*))+)$/.exec(clause) ?? [];
    if (actions === "") {
      throw new Error(
        `invalid chmod parameter: '${text}': expected octal digits from 0 to 07777, or clauses as u+x,go=r`,
      );
    }
    return { who: who === "" ? "a" : who, actions };
  });
  return (mode, isDirectory) =>
    clauses.reduce((current, clause) => applyClause(current, clause, isDirectory), mode);
}

function applyClause(
  start: number,
  clause: { readonly who: string; readonly actions: string },
  isDirectory: boolean,
): number {
  let mode = start;
  let mask = 0;
  for (const who of clause.who) mask |= classMasks[who] ?? 0;
  for (const [, operator = "", permissions = ""] of clause.actions.matchAll(/([+=-])([^+=-]*)/g)) {
    const bits = bitsOf(permissions, mode, isDirectory) & mask;
    if (operator === "+") mode |= bits;
    else if (operator === "-") mode &= ~bits;
    // Directories keep setuid and setgid unless they are named, as with chmod(1).
    else mode = (mode & ~(isDirectory ? mask & 0o1777 : mask)) | bits;
  }
  return mode;
}

/** The bits for all classes; the clause's mask takes those that count. */
function bitsOf(permissions: string, mode: number, isDirectory: boolean): number {
  let bits = 0;
  for (const letter of permissions) {
    if (letter === "X") bits |= isDirectory || (mode & 0o111) !== 0 ? 0o111 : 0;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
    else if (letter === "u") bits |= ((mode >> 6) & 7) * 0o111;
    else if (letter === "g") bits |= ((mode >> 3) & 7) * 0o111;
    else if (letter === "o") bits |= (mode & 7) * 0o111;
    else bits |= permissionBits[letter] ?? 0;
  }
  return bits;
}
