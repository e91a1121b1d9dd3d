import type { NodeSelectorRequirement, PodSpec } from "#api/gen/types.ts";
import { present } from "#base/present.ts";
import type { Service } from "#compose/project/model.ts";

type Placement = Pick<PodSpec, "nodeSelector" | "affinity" | "topologySpreadConstraints">;

const osLabel = "kubernetes.io/os";
const architectureLabel = "kubernetes.io/arch";
const hostLabel = "kubernetes.io/hostname";
const controlLabel = "node-role.kubernetes.io/control-plane";

/** On which nodes the pods of a service may be. @param selector of the pods. */
export function placementOf(
  service: Service,
  selector: Readonly<Record<string, string>>,
): Placement {
  const {
    constraints = [],
    preferences = [],
    max_replicas_per_node: most,
  } = service.deploy?.placement ?? {};
  const matchExpressions = constraints.flatMap((it) => requirementOf(it) ?? []);
  const labelSelector = { matchLabels: { ...selector } };
  const spread = preferences.flatMap(({ spread: of }) => {
    const topologyKey = of === undefined ? undefined : labelOf(of);
    if (topologyKey === undefined) return [];
    return [{ maxSkew: 1, topologyKey, whenUnsatisfiable: "ScheduleAnyway", labelSelector }];
  });
  const apart = [{ labelSelector, topologyKey: hostLabel }];
  const affinity = present<NonNullable<PodSpec["affinity"]>>({
    nodeAffinity:
      matchExpressions.length === 0
        ? undefined
        : {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions }],
            },
          },
    podAntiAffinity:
      most === 1 ? { requiredDuringSchedulingIgnoredDuringExecution: apart } : undefined,
  });
  return present<Placement>({
    nodeSelector: platformLabels(service.platform),
    affinity: Object.keys(affinity).length === 0 ? undefined : affinity,
    topologySpreadConstraints: spread.length === 0 ? undefined : spread,
  });
}

/** `linux/arm64/v8`. */
function platformLabels(platform: string | undefined): Record<string, string> | undefined {
  if (platform === undefined) return undefined;
  const [os, architecture] = platform.split("/");
  return present({
    [osLabel]: os === "" ? undefined : os,
    [architectureLabel]: architecture === undefined ? undefined : architectureOf(architecture),
  }) as Record<string, string>;
}

/** Swarm's `node.labels.disk == ssd`; undefined for what nodes do not tell here. */
export function requirementOf(constraint: string): NodeSelectorRequirement | undefined {
  const [, name = "", operator, value = ""] =
    /^\s*([\w./-]+)\s*(==|!=)\s*(.*?)\s*$/.exec(constraint) ?? [];
  const isEqual = operator === "==";
  if (name === "node.role") {
    const exists = (value === "manager") === isEqual;
    return { key: controlLabel, operator: exists ? "Exists" : "DoesNotExist" };
  }
  const key = labelOf(name);
  if (key === undefined) return undefined;
  const wanted = key === architectureLabel ? architectureOf(value) : value;
  return { key, operator: isEqual ? "In" : "NotIn", values: [wanted] };
}

/** The label of nodes that a property of Swarm's nodes is. */
export function labelOf(property: string): string | undefined {
  if (property === "node.hostname") return hostLabel;
  if (property === "node.platform.os") return osLabel;
  if (property === "node.platform.arch") return architectureLabel;
  return property.startsWith("node.labels.") ? property.slice("node.labels.".length) : undefined;
}

function architectureOf(text: string): string {
  return { x86_64: "amd64", aarch64: "arm64", armv7l: "arm" }[text] ?? text;
}
