import { compileDeepGlob, compileGlob, hasWildcards } from "#base/glob.ts";
import type { IgnoreMatcher, IgnoreResult } from "#build/paths/ignore.ts";
import type { LayeredTree, TreeEntry } from "#build/tree/layered.ts";

/** What files are copied from. */
export interface CopySource {
  readonly tree: LayeredTree;
  /** What of it is left out: a context's .dockerignore; undefined for nothing. */
  readonly ignore: IgnoreMatcher | undefined;
  /** How errors call it. */
  readonly name?: string;
}

/** A file or directory to copy, and its path below what was named. */
export interface SelectedEntry {
  readonly entry: TreeEntry;
  /** Names below the source; empty for the source itself. */
  readonly relative: readonly string[];
}

/** One source of a COPY, all patterns resolved. */
export interface Selection {
  readonly source: TreeEntry;
  /** The source and, for a directory, all that is copied of it; a directory before its entries. */
  readonly entries: readonly SelectedEntry[];
}

export interface SelectOptions {
  /** --exclude. */
  readonly excludes: IgnoreMatcher | undefined;
  /** --parents: sources keep their paths. */
  readonly parents: boolean;
}

/** A build copies so many files at most in one step. */
export const filesMax = 5_000_000;

/**
 * Finds what one source of a COPY names. Patterns that match nothing select nothing; a name that is
 * not there is refused.
 * @throws {Error}
 */
export function select(source: CopySource, text: string, options: SelectOptions): Selection[] {
  if (options.parents) return [selectWithParents(source, text, options)];
  const found = hasWildcards(text)
    ? matching(source, text)
    : [source.tree.find(text, true)].filter((it) => it !== undefined);
  const visible = found.filter((it) => isVisible(source, it));
  if (visible.length === 0 && !hasWildcards(text)) throw missing(source, text, found.length > 0);
  return visible.flatMap((it) => {
    const name = it.names.at(-1) ?? "";
    // A file that is named is left out by its name, the entries of a directory by their paths in it.
    if (!it.stats.isDirectory() && options.excludes?.ignores(name) === true) return [];
    const entries = collect({ source, options, chosen: undefined }, it, []);
    return [{ source: it, entries }];
  });
}

function missing(source: CopySource, text: string, isIgnored: boolean): Error {
  if (isIgnored)
    return new Error(`"${text}": not found: .dockerignore leaves it out of the context`);
  return new Error(`"${text}": not found${source.name === undefined ? "" : ` in ${source.name}`}`);
}

/** Whether something of it is not left out. */
function isVisible(source: CopySource, entry: TreeEntry): boolean {
  const { ignore } = source;
  if (ignore === undefined || entry.names.length === 0) return true;
  if (!ignore.ignores(entry.names.join("/"))) return true;
  if (!ignore.hasExceptions || !entry.stats.isDirectory()) return false;
  const walk = { source, options: { excludes: undefined, parents: false }, chosen: undefined };
  return collect(walk, entry, []).length > 0;
}

/** Entries whose paths match a pattern, name by name. */
function matching(source: CopySource, pattern: string): TreeEntry[] {
  const { tree } = source;
  let found: TreeEntry[] = [tree.root];
  for (const name of pattern.split("/").filter((it) => it !== "" && it !== ".")) {
    if (name === "..") throw new Error(`'..' and wildcards do not go together: ${pattern}`);
    const expression = compileGlob(name);
    found = found.flatMap((directory) => {
      if (!directory.stats.isDirectory()) return [];
      const children = hasWildcards(name)
        ? tree.list(directory).filter((it) => expression.test(it.names.at(-1) ?? ""))
        : [tree.child(directory, name.replaceAll(/\\(.)/g, "$1"))];
      return children.flatMap((it) => {
        if (it?.stats.isSymbolicLink() !== true) return it ?? [];
        return tree.find(it.names.join("/"), true) ?? [];
      });
    });
  }
  return found;
}

interface Walk {
  readonly source: CopySource;
  readonly options: SelectOptions;
  /** Takes only entries that match, and their directories; undefined takes all. */
  readonly chosen: IgnoreMatcher | undefined | { match: IgnoreMatcher["match"] };
}

interface Inherited {
  readonly ignore: IgnoreResult | undefined;
  readonly exclude: IgnoreResult | undefined;
  readonly chosen: IgnoreResult | undefined;
}

/** An entry and all below it that is copied. */
function collect(walk: Walk, top: TreeEntry, relative: readonly string[]): SelectedEntry[] {
  const { ignore } = walk.source;
  const names = top.names.slice(0, -1);
  let above: IgnoreResult | undefined;
  for (const index of names.keys()) {
    above = ignore?.match(names.slice(0, index + 1).join("/"), above);
  }
  const into: SelectedEntry[] = [];
  collectInto(
    into,
    walk,
    { entry: top, relative },
    { ignore: above, exclude: undefined, chosen: undefined },
  );
  return into;
}

function collectInto(
  into: SelectedEntry[],
  walk: Walk,
  selected: SelectedEntry,
  above: Inherited,
): void {
  const { entry, relative } = selected;
  const own = judge(walk, selected, above);
  const { isOut, isWanted } = own;
  if (entry.stats.isSocket()) return;
  if (into.length >= filesMax) throw new Error(`more than ${filesMax} files in one step`);
  if (!entry.stats.isDirectory()) {
    if (isWanted) into.push(selected);
    return;
  }
  if (isOut && !mayHoldExceptions(walk)) return;
  const at = into.length;
  into.push(selected);
  for (const child of walk.source.tree.list(entry)) {
    const name = child.names.at(-1) ?? "";
    collectInto(into, walk, { entry: child, relative: [...relative, name] }, own);
  }
  // A directory that is left out stays as the way to what is not.
  if (!isWanted && into.length === at + 1) into.pop();
}

/** What all patterns say of an entry. */
function judge(
  walk: Walk,
  { entry, relative }: SelectedEntry,
  above: Inherited,
): Inherited & { readonly isOut: boolean; readonly isWanted: boolean } {
  const { ignore } = walk.source;
  const { excludes } = walk.options;
  const path = relative.join("/");
  const isTop = relative.length === 0;
  const own: Inherited = {
    ignore:
      entry.names.length === 0 ? undefined : ignore?.match(entry.names.join("/"), above.ignore),
    exclude: isTop ? undefined : excludes?.match(path, above.exclude),
    chosen: isTop ? undefined : walk.chosen?.match(path, above.chosen),
  };
  const isOut = own.ignore?.ignored === true || own.exclude?.ignored === true;
  const isWanted = !isOut && (walk.chosen === undefined || own.chosen?.ignored === true);
  return { ...own, isOut, isWanted };
}

function mayHoldExceptions(walk: Walk): boolean {
  return (
    walk.source.ignore?.hasExceptions === true || walk.options.excludes?.hasExceptions === true
  );
}

/** `COPY --parents a/./b/*.c /x`: files keep their paths from the pivot on. */
function selectWithParents(source: CopySource, text: string, options: SelectOptions): Selection {
  const pivot = text.indexOf("/./");
  const from = pivot === -1 ? "/" : text.slice(0, pivot);
  const pattern = (pivot === -1 ? text : text.slice(pivot + 3)).replace(/^(?:\.?\/)+/, "");
  const top = source.tree.find(from, true);
  if (top === undefined || (!hasWildcards(text) && source.tree.find(text, true) === undefined)) {
    throw missing(source, text, false);
  }
  const expression = compileDeepGlob(pattern.replace(/\/+$/, ""));
  const chosen = {
    match: (path: string, parent?: IgnoreResult): IgnoreResult => {
      const ignored = parent?.ignored === true || expression.test(path);
      return { ignored, matches: [] };
    },
  };
  const entries = collect({ source, options, chosen }, top, []);
  return { source: top, entries: entries.filter((it) => it.relative.length > 0) };
}
