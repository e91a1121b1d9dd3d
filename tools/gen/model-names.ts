const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

/**
 * Which definition each model of @kubernetes/client-node stands for: `V1Pod` is
 * `io.k8s.api.core.v1.Pod`; where two groups share a name, `CoreV1Event` names the group.
 */
export function modelNames(definitions: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const shared = new Set<string>();
  for (const definition of definitions) {
    const parts = definition.split(".");
    const [group = "", version = "", name = ""] = parts.slice(-3);
    const upper = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
    const short = upper(version) + name;
    if (names.has(short)) shared.add(short);
    names.set(short, definition);
    names.set(upper(group) + short, definition);
  }
  for (const name of shared) {
    const common = definitions.find((it) => it === `${metaPackage}.${name.replace(/^V\d+/, "")}`);
    if (common === undefined) names.delete(name);
    else names.set(name, common);
  }
  const info = definitions.find((it) => it.endsWith(".version.Info"));
  if (info !== undefined) names.set("VersionInfo", info);
  return names;
}
