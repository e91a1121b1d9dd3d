import type {
  CronJob,
  CronJobSpec,
  Job,
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  PodTemplateSpec,
  SuccessPolicy,
  SuccessPolicyRule,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from "#api/names.ts";
import { checkCounts, checkMatch } from "#api/rules/apps/template.ts";
import { isNew } from "#api/rules/compose.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import { checkPodTemplate } from "#api/rules/pod/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isTimeZone, scheduleFault } from "./cron.ts";
import { countIndexes } from "./indexes.ts";

/** Upstream: `pkg/apis/batch/validation/validation.go`. */

export function validateJob(job: Loose<Job>, at: Faults): void {
  const spec = job.spec ?? {};
  at.enter("spec");
  checkJobSpec(spec, at);
  if (spec.selector === undefined) at.required("selector");
  else {
    checkSelector("selector", spec.selector, at);
    checkMatch(spec.selector, spec.template ?? {}, at);
  }
  at.leave();
  if (spec.completionMode === "Indexed" && (spec.completions ?? 0) > 0) {
    const name = job.metadata?.name ?? "";
    const host = `${name}-${(spec.completions ?? 0) - 1}`;
    if (dns1123LabelFaults(host).length > 0) {
      const detail = `will not able to create pod with invalid DNS label: ${host}`;
      at.invalid("metadata.name", name, detail);
    }
  }
}

const highCompletions = 100_000;
const parallelismMax = 100_000;
const highParallelismMax = 10_000;
const failedIndexesMax = 100_000;
const highFailedIndexesMax = 10_000;

function checkJobSpec(spec: Loose<JobSpec>, at: Faults): void {
  checkCounts(
    spec,
    [
      "parallelism",
      "completions",
      "activeDeadlineSeconds",
      "backoffLimit",
      "ttlSecondsAfterFinished",
      "backoffLimitPerIndex",
      "maxFailedIndexes",
    ],
    at,
  );
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    at.required("backoffLimitPerIndex", "when maxFailedIndexes is specified");
  }
  if (spec.managedBy !== undefined) checkManagedBy(spec.managedBy, at);
  at.optionalOneOf("completionMode", spec.completionMode, ["NonIndexed", "Indexed"]);
  if (spec.completionMode === "Indexed") checkIndexed(spec, at);
  else checkNotIndexed(spec, at);
  for (const [i, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    at.enter("podFailurePolicy");
    at.enter("rules", i);
    checkFailureRule(rule, spec, at);
    at.leave();
    at.leave();
  }
  checkReplacement(spec, at);
  checkPodTemplate("template", spec.template ?? {}, at);
  checkRestartPolicy(spec, at);
}

function checkManagedBy(name: string, at: Faults): void {
  const [host = "", path = ""] = name.split(/\/(.*)/s);
  if (name === "") at.required("managedBy");
  else if (host === "" || path === "") {
    const detail = 'must be a domain-prefixed path (such as "acme.io/foo")';
    at.invalid("managedBy", name, detail);
  } else at.invalidAll("managedBy", host, dns1123SubdomainFaults(host));
  if (name.length > 63) at.tooLong("managedBy", 63);
}

function checkIndexed(spec: Loose<JobSpec>, at: Faults): void {
  const { completions, parallelism = 0, maxFailedIndexes = 0 } = spec;
  if (completions === undefined) at.required("completions", "when completion mode is Indexed");
  if (parallelism > parallelismMax) {
    const detail = `must be less than or equal to ${parallelismMax} when completion mode is Indexed`;
    at.invalid("parallelism", parallelism, detail);
  }
  if (completions !== undefined && maxFailedIndexes > completions) {
    at.invalid("maxFailedIndexes", maxFailedIndexes, "must be less than or equal to completions");
  }
  if (maxFailedIndexes > failedIndexesMax) {
    const detail = `must be less than or equal to ${failedIndexesMax}`;
    at.invalid("maxFailedIndexes", maxFailedIndexes, detail);
  }
  if ((completions ?? 0) > highCompletions && spec.backoffLimitPerIndex !== undefined) {
    checkHighCompletions(spec, at);
  }
  if (spec.successPolicy !== undefined) checkSuccess(spec.successPolicy, completions ?? 0, at);
}

function checkSuccess(policy: Loose<SuccessPolicy>, completions: number, at: Faults): void {
  const rules = policy.rules ?? [];
  if (rules.length === 0) {
    const detail = "at least one rules must be specified when the successPolicy is specified";
    at.required("successPolicy.rules", detail);
  }
  for (const [i, rule] of rules.entries()) {
    at.enter("successPolicy");
    at.enter("rules", i);
    checkSuccessRule(rule, completions, at);
    at.leave();
    at.leave();
  }
}

function checkHighCompletions(spec: Loose<JobSpec>, at: Faults): void {
  const suffix = `when completions are above ${highCompletions} and used with backoff limit per index`;
  if (spec.maxFailedIndexes === undefined) {
    const detail = `must be specified when completions is above ${highCompletions}`;
    at.required("maxFailedIndexes", detail);
  } else if (spec.maxFailedIndexes > highFailedIndexesMax) {
    const detail = `must be less than or equal to ${highFailedIndexesMax} ${suffix}`;
    at.invalid("maxFailedIndexes", spec.maxFailedIndexes, detail);
  }
  if ((spec.parallelism ?? 0) > highParallelismMax) {
    const detail = `must be less than or equal to ${highParallelismMax} ${suffix}`;
    at.invalid("parallelism", spec.parallelism, detail);
  }
}

function checkNotIndexed(spec: Loose<JobSpec>, at: Faults): void {
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] as const) {
    if (spec[field] !== undefined) {
      at.invalid(field, spec[field], "requires indexed completion mode");
    }
  }
}

const failureActions = ["Count", "FailIndex", "FailJob", "Ignore"];
const quotedActions = `[${failureActions.map((it) => JSON.stringify(it)).join(" ")}]`;

function checkFailureRule(
  rule: Loose<PodFailurePolicyRule>,
  spec: Loose<JobSpec>,
  at: Faults,
): void {
  const action = rule.action ?? "";
  if (action === "") at.required("action", `valid values: ${quotedActions}`);
  else at.optionalOneOf("action", action, failureActions);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
    at.invalid("action", action, "requires the backoffLimitPerIndex to be set");
  }
  const conditions = rule.onPodConditions ?? [];
  if (rule.onExitCodes !== undefined) {
    at.enter("onExitCodes");
    checkExitCodes(rule.onExitCodes, spec.template ?? {}, at);
    at.leave();
  }
  for (const [i, it] of conditions.entries()) {
    const type = it.type ?? "";
    at.invalidAll(`onPodConditions[${i}].type`, type, qualifiedNameFaults(type));
    at.oneOf(`onPodConditions[${i}].status`, it.status, ["False", "True", "Unknown"]);
  }
  if (rule.onExitCodes !== undefined && conditions.length > 0) {
    at.invalid("", rule, "specifying both OnExitCodes and OnPodConditions is not supported");
  }
  if (rule.onExitCodes === undefined && conditions.length === 0) {
    at.invalid("", rule, "specifying one of OnExitCodes and OnPodConditions is required");
  }
}

function checkExitCodes(
  codes: Loose<PodFailurePolicyOnExitCodesRequirement>,
  template: Loose<PodTemplateSpec>,
  at: Faults,
): void {
  at.oneOf("operator", codes.operator, ["In", "NotIn"]);
  const containers = [
    ...(template.spec?.containers ?? []),
    ...(template.spec?.initContainers ?? []),
  ];
  const name = codes.containerName;
  if (name !== undefined && !containers.some((it) => it.name === name)) {
    const detail = "must be one of the container or initContainer names in the pod template";
    at.invalid("containerName", name, detail);
  }
  const values = codes.values ?? [];
  if (values.length === 0) at.invalid("values", values, "at least one value is required");
  else if (values.length > 255) at.tooMany("values", values.length, 255);
  for (const [i, value] of values.entries()) {
    if (codes.operator === "In" && value === 0) {
      at.invalid(`values[${i}]`, value, "must not be 0 for the In operator");
    }
    if (values.indexOf(value) < i) at.duplicate(`values[${i}]`, value);
  }
  if (values.some((value, i) => i > 0 && (values[i - 1] ?? 0) > value)) {
    at.invalid("values", values, "must be ordered");
  }
}

function checkSuccessRule(rule: Loose<SuccessPolicyRule>, completions: number, at: Faults): void {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  if (count === undefined && indexes === undefined) {
    at.required("", "at least one of succeededCount or succeededIndexes must be specified");
  }
  const total = indexes === undefined ? undefined : countIndexes(indexes, completions);
  if (typeof total === "string") {
    at.invalid("succeededIndexes", indexes, `error parsing succeededIndexes: ${total}`);
  }
  if (count === undefined) return;
  at.nonNegative("succeededCount", count);
  if (count > completions) {
    const detail = `must be less than or equal to ${completions} (the number of specified completions)`;
    at.invalid("succeededCount", count, detail);
  }
  if (typeof total === "number" && count > total) {
    const detail = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`;
    at.invalid("succeededCount", count, detail);
  }
}

function checkReplacement(spec: Loose<JobSpec>, at: Faults): void {
  const supported =
    spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  at.optionalOneOf("podReplacementPolicy", spec.podReplacementPolicy, supported);
}

function checkRestartPolicy(spec: Loose<JobSpec>, at: Faults): void {
  const field = "template.spec.restartPolicy";
  const policy = spec.template?.spec?.restartPolicy ?? "";
  if (policy === "Always" || policy === "") {
    at.required(field, 'valid values: "OnFailure", "Never"');
  } else if (policy !== "OnFailure" && policy !== "Never") {
    at.notSupported(field, policy, ["OnFailure", "Never"]);
  } else if (spec.podFailurePolicy !== undefined && policy !== "Never") {
    at.invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

const immutableJobFields = [
  "selector",
  "completionMode",
  "podFailurePolicy",
  "backoffLimitPerIndex",
  "managedBy",
  "successPolicy",
] as const;

export function validateJobUpdate(next: Loose<Job>, previous: Loose<Job>, at: Faults): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  at.enter("spec");
  if (!semanticEqual(spec.completions, old.completions)) {
    if (spec.completionMode !== "Indexed") {
      at.invalid("completions", spec.completions ?? null, "field is immutable");
    } else if (spec.completions !== undefined && spec.completions !== spec.parallelism) {
      const detail = "can only be modified in tandem with spec.parallelism";
      at.invalid("completions", spec.completions, detail);
    }
  }
  for (const field of immutableJobFields) {
    if (!semanticEqual(spec[field], old[field])) {
      at.invalid(field, spec[field] ?? null, "field is immutable");
    }
  }
  if (!semanticEqual(spec.template, withMutable(spec.template ?? {}, previous))) {
    at.invalid("template", spec.template, "field is immutable");
  }
  at.leave();
}

/** The old template with what may change taken from the new one. */
function withMutable(template: Loose<PodTemplateSpec>, previous: Loose<Job>): unknown {
  const old = previous.spec?.template ?? {};
  if (previous.spec?.suspend !== true) return old;
  const resources = (list: "containers" | "initContainers"): unknown =>
    old.spec?.[list]?.map((it, i) => {
      const now = template.spec?.[list]?.[i];
      return now?.name === it.name ? { ...it, resources: now?.resources } : it;
    });
  const merged = {
    ...old,
    spec: {
      ...old.spec,
      containers: resources("containers"),
      initContainers: resources("initContainers"),
    },
  };
  // Before its first pod, a suspended job may still choose where to run.
  if (previous.status?.startTime !== undefined) return merged;
  const affinity = { ...old.spec?.affinity, nodeAffinity: template.spec?.affinity?.nodeAffinity };
  return {
    ...merged,
    metadata: {
      ...old.metadata,
      labels: template.metadata?.labels,
      annotations: template.metadata?.annotations,
    },
    spec: {
      ...merged.spec,
      affinity,
      nodeSelector: template.spec?.nodeSelector,
      tolerations: template.spec?.tolerations,
      schedulingGates: template.spec?.schedulingGates,
    },
  };
}

export function validateCronJob(job: Loose<CronJob>, at: Faults): void {
  const name = job.metadata?.name ?? "";
  if (isNew(job) && name.length > 52) {
    at.invalid("metadata.name", name, "must be no more than 52 characters");
  }
  const spec = job.spec ?? {};
  at.enter("spec");
  checkSchedule(spec, at);
  checkCounts(
    spec,
    ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"],
    at,
  );
  at.oneOf("concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
  at.enter("jobTemplate.spec");
  const template = spec.jobTemplate?.spec ?? {};
  checkJobSpec(template, at);
  if (template.selector !== undefined) {
    at.invalid("selector", template.selector, "`selector` will be auto-generated");
  }
  if (template.manualSelector === true) {
    at.notSupported("manualSelector", true, ["nil", "false"]);
  }
  at.leave();
  at.leave();
}

function checkSchedule(spec: Loose<CronJobSpec>, at: Faults): void {
  const schedule = spec.schedule ?? "";
  if (schedule === "") at.required("schedule");
  else {
    const fault = scheduleFault(schedule);
    if (fault !== undefined) at.invalid("schedule", schedule, fault);
    if (schedule.includes("TZ")) {
      const detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
      at.invalid("schedule", schedule, detail);
    }
  }
  const zone = spec.timeZone;
  if (zone === undefined) return;
  if (zone === "") at.invalid("timeZone", zone, "timeZone must be nil or non-empty string");
  else if (zone.toLowerCase() === "local") {
    const detail =
      "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
    at.invalid("timeZone", zone, detail);
  } else if (!isTimeZone(zone)) at.invalid("timeZone", zone, `unknown time zone ${zone}`);
}
