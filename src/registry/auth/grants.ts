import type { Action } from "#registry/access.ts";

/** What someone may do, and in which repositories. */
export interface Grant {
  readonly actions: readonly Action[];
  /** `*` for all; `team/*` for all that begin so; else one repository. */
  readonly pattern: string;
}

const known: readonly Action[] = ["pull", "push", "delete"];

export const everything: readonly Grant[] = [{ actions: known, pattern: "*" }];
export const pullEverything: readonly Grant[] = [{ actions: ["pull"], pattern: "*" }];

/**
 * Reads `pull@*,push@team/*`: pushing goes with pulling, `delete` with neither; `*` is all three.
 * Without `@` the repositories are all. Empty text grants everything.
 * @throws {Error} for a word that is none of these.
 */
export function parseGrants(text: string): readonly Grant[] {
  if (text === "") return everything;
  return text.split(",").map((word) => {
    const at = word.indexOf("@");
    const action = at < 0 ? word : word.slice(0, at);
    const pattern = at < 0 ? "*" : word.slice(at + 1);
    if (!/^(?:\*|[a-z0-9][\w./:-]*\*?)$/i.test(pattern)) {
      throw new Error(`'${pattern}' names no repositories: a name, or its beginning and '*'`);
    }
    return { actions: actionsOf(action), pattern };
  });
}

export function isGranted(grants: readonly Grant[], action: Action, repository: string): boolean {
  return grants.some((it) => it.actions.includes(action) && matches(it.pattern, repository));
}

function actionsOf(word: string): readonly Action[] {
  if (word === "*") return known;
  if (word === "push") return ["pull", "push"];
  const action = known.find((it) => it === word);
  if (action === undefined) throw new Error(`'${word}' is none of pull, push, delete, *`);
  return [action];
}

/** A caller's `*` asks for all repositories, which only a grant for all allows. */
function matches(pattern: string, repository: string): boolean {
  if (pattern === "*") return true;
  return pattern.endsWith("*")
    ? repository.startsWith(pattern.slice(0, -1))
    : repository === pattern;
}
