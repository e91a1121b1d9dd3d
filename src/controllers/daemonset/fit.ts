import type { DaemonSet, Node, Pod, PodTemplateSpec, Taint, Toleration } from "#api/gen/types.ts";
import { matchesNodeSelector } from "#api/selector/node.ts";
import { nameOf } from "#client/object-key.ts";
import { matchesLabels } from "#controllers/ownership/selection.ts";

/** Whether a node is to have a pod of the set, and may keep one that it has. */
export interface Fit {
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
}

/** Upstream: `NodeShouldRunDaemonPod` of `pkg/controller/daemon/daemon_controller.go`. */
export function fitOf({ spec }: DaemonSet, node: Node): Fit {
  const template = spec?.template;
  if (!isSelected(template, node)) return { shouldRun: false, mayStay: false };
  const tolerations = [...(template?.spec?.tolerations ?? []), ...ownTolerations(template)];
  const refusing = (node.spec?.taints ?? []).filter(
    (taint) =>
      (taint.effect === "NoSchedule" || taint.effect === "NoExecute") &&
      !tolerations.some((it) => tolerates(it, taint)),
  );
  return {
    shouldRun: refusing.length === 0,
    mayStay: !refusing.some((it) => it.effect === "NoExecute"),
  };
}

/** By the template's node name, node selector and required affinity. */
function isSelected(template: PodTemplateSpec | undefined, node: Node): boolean {
  const spec = template?.spec;
  const wanted = spec?.nodeName ?? "";
  const place = { name: nameOf(node), labels: node.metadata?.labels ?? {} };
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    (wanted === "" || wanted === place.name) &&
    matchesLabels(spec?.nodeSelector ?? {}, place.labels) &&
    matchesNodeSelector(required, place)
  );
}

/** What every pod of a DaemonSet endures: it belongs to its node, in good days and in bad. */
export function ownTolerations(template: PodTemplateSpec | undefined): readonly Toleration[] {
  const exists = (name: string, effect: string): Toleration => ({
    key: `node.kubernetes.io/${name}`,
    operator: "Exists",
    effect,
  });
  const onNodeNetwork = template?.spec?.hostNetwork === true;
  return [
    exists("not-ready", "NoExecute"),
    exists("unreachable", "NoExecute"),
    exists("disk-pressure", "NoSchedule"),
    exists("memory-pressure", "NoSchedule"),
    exists("pid-pressure", "NoSchedule"),
    exists("unschedulable", "NoSchedule"),
    ...(onNodeNetwork ? [exists("network-unavailable", "NoSchedule")] : []),
  ];
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = "", operator = "Equal", effect = "", value = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  if (operator === "Exists") return true;
  return key !== "" && value === (taint.value ?? "");
}

const nameField = "metadata.name";

/** The node that the pod is on, or is meant for. */
export function nodeOfPod({ spec }: Pod): string {
  if (spec?.nodeName !== undefined && spec.nodeName !== "") return spec.nodeName;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const term of required?.nodeSelectorTerms ?? []) {
    const field = term.matchFields?.find((it) => it.key === nameField && it.operator === "In");
    if (field?.values?.[0] !== undefined) return field.values[0];
  }
  return "";
}

/** The template's spec for one node: the scheduler binds it there, and nowhere else. */
export function specForNode(
  template: PodTemplateSpec,
  node: string,
): NonNullable<PodTemplateSpec["spec"]> | undefined {
  const { spec } = template;
  if (spec === undefined) return undefined;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const here = { matchFields: [{ key: nameField, operator: "In", values: [node] }] };
  const terms = required?.nodeSelectorTerms ?? [];
  const nodeSelectorTerms = terms.length === 0 ? [here] : terms.map((it) => ({ ...it, ...here }));
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
      },
    },
    tolerations: [...(spec.tolerations ?? []), ...ownTolerations(template)],
  };
}
