import type { Action, Wanted } from "#registry/access.ts";
import { isRepositoryPath } from "#oci/reference.ts";

/** Scopes in a request for a token. */
const scopesMax = 100;

/**
 * Reads scopes such as `repository:team/app:pull,push`, several in a text with spaces. What is
 * malformed or of another kind is left out, as Docker's token server does.
 * Distribution's `docs/content/spec/auth/scope.md`.
 */
export function parseScopes(texts: readonly string[]): Wanted[] {
  const words = texts.flatMap((it) => it.split(" ")).slice(0, scopesMax);
  return words.flatMap((word) => {
    const [, repository = "", actions = ""] = /^repository:(.+):([a-z*,]+)$/.exec(word) ?? [];
    const known = actions.split(",").flatMap(actionsOf);
    if (!isRepositoryPath(repository) || known.length === 0) return [];
    return [{ repository, actions: [...new Set(known)] }];
  });
}

export function formatScope({ repository, actions }: Wanted): string {
  return `repository:${repository}:${actions.join(",")}`;
}

function actionsOf(word: string): readonly Action[] {
  if (word === "*") return ["pull", "push", "delete"];
  return word === "pull" || word === "push" || word === "delete" ? [word] : [];
}
