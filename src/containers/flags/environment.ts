import { UsageError } from "#containers/usage-error.ts";

/**
 * Variables of `--env-file`s and `-e`, later ones before earlier ones. A name without a value has that
 * of the caller's environment, and is left out where that has none.
 * @throws {UsageError} for a line without a name.
 */
export function environmentOf(
  files: readonly { readonly path: string; readonly text: string }[],
  given: readonly string[],
  lookup: (name: string) => string | undefined,
): { readonly name: string; readonly value: string }[] {
  const values = new Map<string, string>();
  const add = (entry: string, source: string): void => {
    const at = entry.indexOf("=");
    const name = at < 0 ? entry : entry.slice(0, at);
    if (name === "" || /\s/.test(name)) {
      throw new UsageError(`${source}: invalid environment variable: '${entry}'`);
    }
    const value = at < 0 ? lookup(name) : entry.slice(at + 1);
    if (value !== undefined) values.set(name, value);
  };
  for (const { path, text } of files) {
    text.split(/\r?\n/).forEach((line, index) => {
      const entry = entryOf(line);
      if (entry !== "") add(entry, `${path}:${index + 1}`);
    });
  }
  for (const entry of given) add(entry, "-e");
  return [...values].map(([name, value]) => ({ name, value }));
}

/** The entries of a file of `--label-file`. */
export function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map(entryOf)
    .filter((it) => it !== "");
}

/** Empty for a comment. Only blanks at the beginning do not count, as for Docker. */
function entryOf(line: string): string {
  const entry = line.trimStart();
  return entry.startsWith("#") ? "" : entry;
}

/** `NAME=VALUE` pairs of labels; a name alone has an empty value. */
export function pairsOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((it): [string, string] => {
      const at = it.indexOf("=");
      return at < 0 ? [it, ""] : [it.slice(0, at), it.slice(at + 1)];
    }),
  );
}
