import type { Affinity, Container, NodeSelectorTerm, Pod, PodSpec } from "#api/gen/types.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

type Spec = Loose<PodSpec>;

const updatable =
  "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`," +
  "`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const int32Max = 2 ** 31 - 1;

/** What a stored pod may change. Upstream: `ValidatePodUpdate`. */
export function validatePodUpdate(next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  checkAnnotationChanges(next, previous, at);
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  if (semanticEqual(spec, old)) return;
  at.enter("spec");
  if (checkCounts(spec, old, at)) checkSpecChange(spec, old, at);
  at.leave();
}

const mirrorKey = "kubernetes.io/config.mirror";
const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

function checkAnnotationChanges(next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  const [now, before] = [next.metadata?.annotations ?? {}, previous.metadata?.annotations ?? {}];
  for (const key of new Set([...Object.keys(now), ...Object.keys(before)])) {
    if (now[key] === before[key]) continue;
    const isMirror = key === mirrorKey;
    if (!isMirror && !key.startsWith(appArmorPrefix)) continue;
    const what = isMirror ? "mirror pod annotation" : "AppArmor annotations";
    const verb = before[key] === undefined ? "add" : "remove or update";
    at.forbidden(`metadata.annotations[${key}]`, `may not ${verb} ${what}`);
  }
}

function checkCounts(spec: Spec, old: Spec, at: Faults): boolean {
  for (const list of ["containers", "initContainers"] as const) {
    if ((spec[list] ?? []).length === (old[list] ?? []).length) continue;
    at.forbidden(list, "pod updates may not add or remove containers");
    return false;
  }
  return true;
}

function checkSpecChange(spec: Spec, old: Spec, at: Faults): void {
  if (!checkDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds, at)) return;
  checkTolerationChange(spec, old, at);
  checkGateChange(spec, old, at);
  const munged: { -readonly [Key in keyof Spec]: Spec[Key] } = {
    ...spec,
    containers: withImagesOf(spec.containers, old.containers),
    initContainers: withImagesOf(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  if ((old.schedulingGates ?? []).length > 0) {
    checkGatedChange(spec, old, at);
    munged.nodeSelector = old.nodeSelector;
    munged.affinity = withNodeAffinityOf(spec.affinity, old.affinity);
  }
  if (semanticEqual(munged, old)) return;
  const detail = `pod updates may not change fields other than ${updatable}\n${describe(munged, old)}`;
  at.forbidden("", detail);
}

function withImagesOf(
  containers: readonly Loose<Container>[] | undefined,
  old: readonly Loose<Container>[] | undefined,
): readonly Loose<Container>[] | undefined {
  return containers?.map((it, i) => ({ ...it, image: old?.[i]?.image }));
}

function withNodeAffinityOf(
  affinity: Loose<Affinity> | undefined,
  old: Loose<Affinity> | undefined,
): Loose<Affinity> | undefined {
  if (affinity === undefined && old?.nodeAffinity === undefined) return undefined;
  return { ...affinity, nodeAffinity: old?.nodeAffinity };
}

/** Returns whether the rest is worth checking. */
function checkDeadline(deadline: number | undefined, old: number | undefined, at: Faults): boolean {
  const field = "activeDeadlineSeconds";
  if (deadline === undefined) {
    if (old !== undefined) {
      at.invalid(field, null, "must not update from a positive integer to nil value");
    }
    return true;
  }
  if (deadline < 0 || deadline > int32Max) {
    at.invalid(field, deadline, `must be between 0 and ${int32Max}, inclusive`);
    return false;
  }
  if (old !== undefined && old < deadline) {
    at.invalid(field, deadline, "must be less than or equal to previous value");
    return false;
  }
  return true;
}

function checkTolerationChange(spec: Spec, old: Spec, at: Faults): void {
  for (const before of old.tolerations ?? []) {
    const isKept = (spec.tolerations ?? []).some((it) =>
      semanticEqual({ ...before, tolerationSeconds: it.tolerationSeconds }, it),
    );
    if (isKept) continue;
    const detail = "existing toleration can not be modified except its tolerationSeconds";
    at.forbidden("tolerations", detail);
    return;
  }
}

function checkGateChange(spec: Spec, old: Spec, at: Faults): void {
  const before = new Set((old.schedulingGates ?? []).map((it) => it.name));
  for (const [i, it] of (spec.schedulingGates ?? []).entries()) {
    if (before.has(it.name)) continue;
    const detail = `only deletion is allowed, but found new scheduling gate '${it.name ?? ""}'`;
    at.forbidden(`schedulingGates[${i}].name`, detail);
  }
}

/** A pod behind a gate may have its choice of nodes narrowed, never widened. */
function checkGatedChange(spec: Spec, old: Spec, at: Faults): void {
  for (const key in old.nodeSelector) {
    if (spec.nodeSelector?.[key] === old.nodeSelector[key]) continue;
    const detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    at.invalid("nodeSelector", spec.nodeSelector, detail);
    break;
  }
  const [terms, before] = [nodeTerms(spec), nodeTerms(old)];
  if (before.length === 0) return;
  const field =
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  if (terms.length !== before.length) {
    const detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    at.invalid(field, terms, detail);
    return;
  }
  for (const [i, term] of terms.entries()) {
    if (hasOnlyAdditions(term, before[i] ?? {})) continue;
    const detail = "only additions are allowed (no mutations or deletions)";
    at.invalid(`${field}[${i}]`, term, detail);
  }
}

function nodeTerms(spec: Spec): readonly Loose<NodeSelectorTerm>[] {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms ?? [];
}

// An empty term matches no node, so adding to it would widen it.
function hasOnlyAdditions(term: Loose<NodeSelectorTerm>, old: Loose<NodeSelectorTerm>): boolean {
  const lists = [
    [term.matchExpressions ?? [], old.matchExpressions ?? []],
    [term.matchFields ?? [], old.matchFields ?? []],
  ] as const;
  if (lists.every(([, before]) => before.length === 0)) {
    return lists.every(([now]) => now.length === 0);
  }
  return lists.every(([now, before]) => semanticEqual(now.slice(0, before.length), before));
}

/** The top-level fields that differ, as they are and as they were. */
function describe(spec: Spec, old: Spec): string {
  const keys = new Set([...Object.keys(spec), ...Object.keys(old)]) as Set<keyof Spec>;
  const changed = [...keys].filter((key) => !semanticEqual(spec[key], old[key])).sort();
  return changed
    .map((key) => `- ${key}: ${show(old[key])}\n+ ${key}: ${show(spec[key])}`)
    .join("\n");
}

function show(value: unknown): string {
  return value === undefined ? "<none>" : JSON.stringify(value);
}
