/** Values by name; a Map is one. */
export interface Variables {
  get(name: string): string | undefined;
}

/**
 * Replaces `$(NAME)` by the variable's value. An unknown name stays as it is written, and `$$` is
 * a dollar sign that begins nothing. Upstream: `third_party/forked/golang/expansion/expand.go`.
 */
export function expand(text: string, variables: Variables): string {
  let expanded = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    const next = text[at + 1];
    if (character !== "$" || next === undefined) {
      expanded += character;
    } else if (next === "$") {
      expanded += "$";
      at += 1;
    } else if (next === "(") {
      const end = text.indexOf(")", at + 2);
      if (end < 0) {
        expanded += "$(";
        at += 1;
        continue;
      }
      const name = text.slice(at + 2, end);
      expanded += variables.get(name) ?? `$(${name})`;
      at = end;
    } else {
      expanded += `$${next}`;
      at += 1;
    }
  }
  return expanded;
}

/** As {@link expand}, but undefined when a name is unknown: `subPathExpr` must not guess. */
export function expandStrictly(text: string, variables: Variables): string | undefined {
  const unknown: string[] = [];
  const expanded = expand(text, {
    get: (name) => {
      const value = variables.get(name);
      if (value === undefined) unknown.push(name);
      return value;
    },
  });
  return unknown.length === 0 ? expanded : undefined;
}
