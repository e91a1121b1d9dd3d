/** An archive may hold so many entries: their names are kept while it is read. */
export const entriesMax = 2_000_000;
const linksMax = 40;

/**
 * Where the entries of an archive may go: nowhere but below its root, whatever their names and the
 * symbolic links between them say.
 */
export class SafeNames {
  /** Symbolic links that the archive has made so far. */
  readonly #links = new Map<string, string>();
  #entries = 0;

  /**
   * The path of an entry below the root, the empty text for the root itself. Symbolic links on its
   * way are followed as if the root were `/`.
   * @throws {Error} for a name with `..`, for links in circles, for too many entries.
   */
  place(name: string): string {
    this.#entries++;
    if (this.#entries > entriesMax) {
      throw new Error(`the archive has more than ${entriesMax} entries`);
    }
    const names = name.split("/").filter((it) => it !== "" && it !== ".");
    if (names.includes("..")) throw new Error(`the archive has an unsafe name: '${name}'`);
    const last = names.pop();
    if (last === undefined) return "";
    const parent = this.#follow(names, name);
    const path = [...parent, last].join("/");
    this.#links.delete(path);
    return path;
  }

  /** Remembers that the archive makes a symbolic link. @param path as {@link place} gave it. */
  addLink(path: string, target: string): void {
    this.#links.set(path, target);
  }

  #follow(names: readonly string[], name: string): string[] {
    const left = [...names];
    const done: string[] = [];
    let links = 0;
    for (;;) {
      const next = left.shift();
      if (next === undefined) return done;
      if (next === "" || next === ".") continue;
      if (next === "..") {
        done.pop();
        continue;
      }
      done.push(next);
      const target = this.#links.get(done.join("/"));
      if (target === undefined) continue;
      if (++links > linksMax) throw new Error(`the archive has links in circles: '${name}'`);
      done.pop();
      if (target.startsWith("/")) done.length = 0;
      left.unshift(...target.split("/"));
    }
  }
}
