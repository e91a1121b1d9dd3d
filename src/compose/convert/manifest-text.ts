import type { Json, KubernetesObject } from "#api/object.ts";
import { formatYaml } from "#api/yaml.ts";
import type { Manifests } from "./convert.ts";

/** All objects as YAML documents that `kubectl apply -f` takes. */
export function manifestText({ shared, workloads }: Manifests): string {
  const objects: readonly KubernetesObject[] = [...shared, ...Object.values(workloads)];
  return objects.map((it) => `---\n${formatYaml(it as Json)}`).join("");
}
