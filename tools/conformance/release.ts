/** Which release of the suite is built: pure choices over what the module proxy and Go say. */

/** The release whose API Gantry speaks: its newest patch is built. */
export const targetedMinor = "v1.36";

/** `v1.36.4` of Kubernetes has its libraries as `v0.36.4`. */
export function stagingVersion(release: string): string {
  return release.replace(/^v1\./, "v0.");
}

/**
 * Releases to try, best first: the newest patch of each minor, from the targeted one downwards.
 * @param versions as `go list -m -versions` prints them, in any order.
 */
export function releasesToTry(versions: readonly string[], targeted: string): readonly string[] {
  const newest = new Map<number, number>();
  for (const version of versions) {
    const [, minor, patch] = /^v1\.(\d+)\.(\d+)$/.exec(version) ?? [];
    if (minor === undefined || patch === undefined) continue;
    newest.set(Number(minor), Math.max(newest.get(Number(minor)) ?? 0, Number(patch)));
  }
  const most = Number(targeted.replace(/^v1\./, ""));
  return [...newest]
    .filter(([minor]) => minor <= most)
    .toSorted(([one], [other]) => other - one)
    .map(([minor, patch]) => `v1.${minor}.${patch}`);
}

/**
 * The newest of the released patches of a minor; undefined when there is none.
 * @param minor `v0.33`
 */
export function newestPatch(versions: readonly string[], minor: string): string | undefined {
  const patches = versions
    .filter((it) => it.startsWith(`${minor}.`))
    .map((it) => Number(it.slice(minor.length + 1)))
    .filter((it) => Number.isInteger(it));
  return patches.length === 0 ? undefined : `${minor}.${Math.max(...patches)}`;
}

/**
 * Whether a Go release can build a module.
 * @param goVersion as `go env GOVERSION` prints it, `go1.26.8`. @param goMod the module's go.mod.
 */
export function canBuild(goVersion: string, goMod: string): boolean {
  const needed = /^go (\S+)$/m.exec(goMod)?.[1] ?? "0";
  const [have, need] = [goVersion.replace(/^go/, ""), needed].map((it) =>
    it.split(".").map(Number),
  );
  for (let index = 0; index < 3; index++) {
    const difference = (have?.[index] ?? 0) - (need?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * The go.mod of a module that builds the suite: Kubernetes takes its libraries from folders beside
 * it, which a module elsewhere has to replace by their released versions.
 */
export function suiteModule(release: string, goMod: string): string {
  const version = stagingVersion(release);
  const libraries = [...goMod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\/\S+$/gm)];
  const replaces = libraries.map(([, path = ""]) => `\t${path} => ${path} ${version}`);
  const go = /^go \S+$/m.exec(goMod)?.[0] ?? "";
  const godebug = /^godebug [^(\n]+$/m.exec(goMod)?.[0];
  const head = ["module conformance", go, ...(godebug === undefined ? [] : [godebug])];
  return [...head, `require k8s.io/kubernetes ${release}`, `replace (\n${replaces.join("\n")}\n)`]
    .map((it) => `${it}\n`)
    .join("\n");
}
