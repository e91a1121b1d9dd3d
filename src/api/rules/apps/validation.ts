import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  PodTemplateSpec,
  ReplicaSet,
  ReplicationController,
  RollingUpdateDaemonSet,
  RollingUpdateDeployment,
  StatefulSet,
  StatefulSetSpec,
  Volume,
} from "#api/gen/types.ts";
import { dns1123LabelFaults } from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkPodTemplate } from "#api/rules/pod/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkClaimSpec } from "#api/rules/storage/claims.ts";
import { amountOf, checkAtMostAll, checkIntOrPercent } from "./int-or-percent.ts";
import { checkAlwaysRuns, checkCounts, checkMatch, checkSelecting } from "./template.ts";

/** Upstream: `pkg/apis/apps/validation/validation.go`. */

export function validateDeployment(deployment: Loose<Deployment>, at: Faults): void {
  const spec = deployment.spec ?? {};
  at.enter("spec");
  checkCounts(spec, ["replicas"], at);
  checkSelecting(spec, "Deployment", at);
  checkDeploymentStrategy(spec.strategy ?? {}, at);
  checkCounts(spec, ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], at);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    at.invalid("progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
  }
  at.leave();
}

type Strategy = NonNullable<NonNullable<Loose<Deployment>["spec"]>["strategy"]>;

function checkDeploymentStrategy(strategy: Strategy, at: Faults): void {
  if (strategy.type === "Recreate") {
    if (strategy.rollingUpdate === undefined) return;
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    at.forbidden("strategy.rollingUpdate", detail);
  } else if (strategy.type !== "RollingUpdate") {
    at.notSupported("strategy", strategy, ["Recreate", "RollingUpdate"]);
  } else if (strategy.rollingUpdate === undefined) {
    at.required("strategy.rollingUpdate", "this should be defaulted and never be nil");
  } else {
    at.enter("strategy");
    checkRollingDeployment(strategy.rollingUpdate, at);
    at.leave();
  }
}

function checkRollingDeployment(rolling: Loose<RollingUpdateDeployment>, at: Faults): void {
  at.enter("rollingUpdate");
  checkIntOrPercent("maxUnavailable", rolling.maxUnavailable, at);
  checkIntOrPercent("maxSurge", rolling.maxSurge, at);
  if (amountOf(rolling.maxUnavailable) === 0 && amountOf(rolling.maxSurge) === 0) {
    const detail = "may not be 0 when `maxSurge` is 0";
    at.invalid("maxUnavailable", rolling.maxUnavailable, detail);
  }
  checkAtMostAll("maxUnavailable", rolling.maxUnavailable, at);
  at.leave();
}

interface Selecting {
  readonly spec?: { readonly selector?: unknown } | undefined;
}

/** Of Deployments, ReplicaSets and DaemonSets. */
export function validateSameSelector(next: Selecting, previous: Selecting, at: Faults): void {
  const [selector, old] = [next.spec?.selector, previous.spec?.selector];
  if (semanticEqual(selector, old)) return;
  at.invalid("spec.selector", selector, "field is immutable");
}

export function validateReplicaSet(set: Loose<ReplicaSet>, at: Faults): void {
  const spec = set.spec ?? {};
  at.enter("spec");
  checkCounts(spec, ["replicas", "minReadySeconds"], at);
  checkSelecting(spec, "ReplicaSet", at);
  at.leave();
}

export function validateDaemonSet(set: Loose<DaemonSet>, at: Faults): void {
  const spec = set.spec ?? {};
  at.enter("spec");
  checkSelecting(spec, "DaemonSet", at);
  checkCounts(spec, ["minReadySeconds", "revisionHistoryLimit"], at);
  const strategy = spec.updateStrategy ?? {};
  if (strategy.type === "RollingUpdate") {
    if (strategy.rollingUpdate === undefined) at.required("updateStrategy.rollingUpdate");
    else checkRollingDaemonSet(strategy.rollingUpdate, at);
  } else if (strategy.type !== "OnDelete") {
    at.notSupported("updateStrategy", strategy, ["RollingUpdate", "OnDelete"]);
  }
  at.leave();
}

function checkRollingDaemonSet(rolling: Loose<RollingUpdateDaemonSet>, at: Faults): void {
  at.enter("updateStrategy");
  at.enter("rollingUpdate");
  for (const field of ["maxUnavailable", "maxSurge"] as const) {
    checkIntOrPercent(field, rolling[field], at);
    checkAtMostAll(field, rolling[field], at);
  }
  const hasUnavailable = amountOf(rolling.maxUnavailable) !== 0;
  const hasSurge = amountOf(rolling.maxSurge) !== 0;
  if (hasUnavailable && hasSurge) {
    const detail = "may not be set when maxUnavailable is non-zero";
    at.invalid("maxSurge", rolling.maxSurge, detail);
  } else if (!hasUnavailable && !hasSurge) {
    at.required("maxUnavailable", "cannot be 0 when maxSurge is 0");
  }
  at.leave();
  at.leave();
}

const retentionPolicies = ["Retain", "Delete"];

export function validateStatefulSet(set: Loose<StatefulSet>, at: Faults): void {
  const spec = set.spec ?? {};
  at.enter("spec");
  checkManagement(spec, at);
  checkUpdateStrategy(spec, at);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  if (retention !== undefined) {
    at.enter("persistentVolumeClaimRetentionPolicy");
    at.optionalOneOf("whenDeleted", retention.whenDeleted ?? "", retentionPolicies);
    at.optionalOneOf("whenScaled", retention.whenScaled ?? "", retentionPolicies);
    at.leave();
  }
  for (const [i, it] of (spec.volumeClaimTemplates ?? []).entries()) {
    at.enter("volumeClaimTemplates", i);
    checkClaimSpec("spec", it.spec ?? {}, at);
    at.leave();
  }
  checkCounts(spec, ["replicas", "minReadySeconds"], at);
  at.nonNegative("ordinals.start", spec.ordinals?.start);
  const service = spec.serviceName ?? "";
  if (service !== "") at.invalidAll("serviceName", service, dns1123LabelFaults(service));
  checkSelecting({ selector: spec.selector, template: withClaims(spec) }, "StatefulSet", at);
  at.leave();
}

function checkManagement(spec: Loose<StatefulSetSpec>, at: Faults): void {
  const policy = spec.podManagementPolicy ?? "";
  if (policy === "") at.required("podManagementPolicy");
  else if (policy !== "OrderedReady" && policy !== "Parallel") {
    at.invalid("podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
  }
}

function checkUpdateStrategy(spec: Loose<StatefulSetSpec>, at: Faults): void {
  const strategy = spec.updateStrategy ?? {};
  const rolling = strategy.rollingUpdate;
  if ((strategy.type ?? "") === "") at.required("updateStrategy");
  else if (strategy.type === "OnDelete") {
    if (rolling === undefined) return;
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    at.invalid("updateStrategy.rollingUpdate", rolling, detail);
  } else if (strategy.type !== "RollingUpdate") {
    at.invalid("updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rolling !== undefined) {
    at.enter("updateStrategy.rollingUpdate");
    at.nonNegative("partition", rolling.partition);
    if (rolling.maxUnavailable !== undefined) {
      checkIntOrPercent("maxUnavailable", rolling.maxUnavailable, at);
      if (amountOf(rolling.maxUnavailable) === 0) {
        at.invalid("maxUnavailable", rolling.maxUnavailable, "cannot be 0");
      }
      checkAtMostAll("maxUnavailable", rolling.maxUnavailable, at);
    }
    at.leave();
  }
}

/** The template as its pods will be: the claims are volumes, names come from the ordinal. */
function withClaims(spec: Loose<StatefulSetSpec>): Loose<PodTemplateSpec> {
  const template = spec.template ?? {};
  const claims = (spec.volumeClaimTemplates ?? []).map((it): Loose<Volume> => {
    const name = it.metadata?.name ?? "";
    return { name, persistentVolumeClaim: { claimName: name } };
  });
  const names = new Set(claims.map((it) => it.name));
  const volumes = (template.spec?.volumes ?? []).filter((it) => !names.has(it.name));
  return {
    ...template,
    spec: { ...template.spec, hostname: "", subdomain: "", volumes: [...claims, ...volumes] },
  };
}

const mutableStatefulSetFields = [
  "replicas",
  "template",
  "updateStrategy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
] as const;

export function validateStatefulSetUpdate(
  next: Loose<StatefulSet>,
  previous: Loose<StatefulSet>,
  at: Faults,
): void {
  const old = previous.spec ?? {};
  const kept = Object.fromEntries(mutableStatefulSetFields.map((key) => [key, old[key]]));
  if (semanticEqual({ ...next.spec, ...kept }, old)) return;
  const detail =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  at.forbidden("spec", detail);
}

export function validateControllerRevision(it: Loose<ControllerRevision>, at: Faults): void {
  if (it.data === undefined || it.data === null) at.required("data", "data is mandatory");
  at.nonNegative("revision", it.revision);
}

export function validateControllerRevisionUpdate(
  next: Loose<ControllerRevision>,
  previous: Loose<ControllerRevision>,
  at: Faults,
): void {
  if (semanticEqual(next.data, previous.data)) return;
  at.invalid("data", next.data, "field is immutable");
}

export function validateReplicationController(it: Loose<ReplicationController>, at: Faults): void {
  const spec = it.spec ?? {};
  const selector = { matchLabels: spec.selector ?? {} };
  at.enter("spec");
  checkCounts(spec, ["minReadySeconds", "replicas"], at);
  if (Object.keys(selector.matchLabels).length === 0) at.required("selector");
  if (spec.template === undefined) {
    at.required("template");
  } else {
    checkMatch(selector, spec.template, at);
    checkPodTemplate("template", spec.template, at);
    checkAlwaysRuns(spec.template, "ReplicationController", at);
  }
  at.leave();
}
