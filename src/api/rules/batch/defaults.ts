import type { CronJob, Job, JobSpec } from "#api/gen/types.ts";
import { defaultPodTemplate } from "#api/rules/pod/defaults.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/batch/v1/defaults.go`. */

const int32Max = 2 ** 31 - 1;

export function defaultJob(job: Draft<Job>): void {
  const spec = (job.spec ??= {});
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : int32Max;
  copyLabels(job, spec);
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ??=
    spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed";
  spec.manualSelector ??= false;
  defaultJobTemplate(spec);
}

function copyLabels(job: Draft<Job>, spec: Draft<JobSpec>): void {
  const labels = spec.template?.metadata?.labels;
  if (labels === undefined) return;
  const metadata = (job.metadata ??= {});
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

function defaultJobTemplate(spec: Draft<JobSpec>): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const it of rule.onPodConditions ?? []) it.status ||= "True";
  }
  defaultPodTemplate((spec.template ??= {}));
}

export function defaultCronJob(job: Draft<CronJob>): void {
  const spec = (job.spec ??= {});
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  const template = (spec.jobTemplate ??= {});
  defaultJobTemplate((template.spec ??= {}));
}
