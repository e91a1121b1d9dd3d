/** Where a repository is, and what of it is meant. */
export interface RepositoryUrl {
  /** As git takes it. */
  readonly remote: string;
  /** A branch, a tag or a commit; empty for what the repository says is its head. */
  readonly ref: string;
  /** The directory that is meant; empty for all. */
  readonly directory: string;
  /** The commit that it must be, or its beginning; empty for any. */
  readonly checksum: string;
  /** Undefined: not said. */
  readonly keepGitDir: boolean | undefined;
  readonly submodules: boolean;
}

const keys = ["ref", "branch", "tag", "checksum", "commit", "subdir", "keep-git-dir", "submodules"];

/**
 * Reads `remote#ref:directory` or `remote?ref=…&subdir=…`. Upstream: BuildKit, `util/gitutil` and
 * `frontend/dockerfile/dfgitutil`. @throws {Error} for queries that are unknown or say two things.
 */
export function parseRepositoryUrl(url: string): RepositoryUrl {
  const [, whole = "", ref = "", directory = ""] =
    /^([^#]*)(?:#([^:]*)(?::(.*))?)?$/.exec(url) ?? [];
  const at = whole.indexOf("?");
  const remote = at < 0 ? whole : whole.slice(0, at);
  const query = new URLSearchParams(at < 0 ? "" : whole.slice(at + 1));
  const unknown = [...query.keys()].find((it) => !keys.includes(it));
  if (unknown !== undefined) {
    throw new Error(`${url}: unexpected query '${unknown}': expected ${keys.join(", ")}`);
  }
  const said = (key: string, prefix = ""): string => {
    const value = query.get(key) ?? "";
    return value === "" ? "" : `${prefix}${value}`;
  };
  const refs = [ref, said("ref"), said("branch", "refs/heads/"), said("tag", "refs/tags/")];
  return {
    remote,
    ref: one(url, "ref", refs),
    directory: one(url, "directory", [directory, said("subdir")]),
    checksum: one(url, "commit", [said("checksum"), said("commit")]),
    keepGitDir: query.has("keep-git-dir") ? isOn(query.get("keep-git-dir")) : undefined,
    submodules: query.has("submodules") ? isOn(query.get("submodules")) : true,
  };
}

function one(url: string, what: string, given: readonly string[]): string {
  const different = [...new Set(given.filter((it) => it !== ""))];
  if (different.length > 1) {
    throw new Error(`${url}: names more than one ${what}: ${different.join(" and ")}`);
  }
  return different[0] ?? "";
}

/** A name alone is on, as in `?submodules`. */
function isOn(value: string | null): boolean {
  return !["false", "0"].includes(value ?? "");
}
