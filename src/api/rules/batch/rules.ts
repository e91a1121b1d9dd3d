import type { CronJob, Job } from "#api/gen/types.ts";
import { specWarnings } from "#api/rules/pod/warnings.ts";
import type { Draft, Rules } from "#api/rules/rules.ts";
import { cronJobPrinter, jobPrinter } from "./columns.ts";
import { defaultCronJob, defaultJob } from "./defaults.ts";
import { validateJobStatus } from "./status.ts";
import { validateCronJob, validateJob, validateJobUpdate } from "./validation.ts";

export const jobRules: Rules<Job> = {
  generation: true,
  default: defaultJob,
  create: generateSelector,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatus: validateJobStatus,
  warnings: (next, previous) =>
    previous === undefined
      ? specWarnings(next.spec?.template?.spec ?? {}, "spec.template.spec")
      : [],
  printer: jobPrinter,
};

/**
 * A job selects its pods by its own uid, unless the user said otherwise; the uid and the name are
 * set before. Upstream: `generateSelector` in `pkg/registry/batch/job/strategy.go`.
 */
function generateSelector(job: Draft<Job>): void {
  const spec = (job.spec ??= {});
  if (spec.manualSelector === true) return;
  const { uid = "", name = "" } = job.metadata ?? {};
  const template = (spec.template ??= {});
  const labels = ((template.metadata ??= {}).labels ??= {});
  for (const prefix of ["", "batch.kubernetes.io/"]) {
    labels[`${prefix}job-name`] ??= name;
    labels[`${prefix}controller-uid`] ??= uid;
  }
  const selector = (spec.selector ??= {});
  const match = (selector.matchLabels ??= {});
  match["batch.kubernetes.io/controller-uid"] ??= uid;
}

export const cronJobRules: Rules<CronJob> = {
  generation: true,
  default: defaultCronJob,
  validate: validateCronJob,
  warnings: (next, previous) => {
    if (previous !== undefined) return [];
    const path = "spec.jobTemplate.spec.template.spec";
    return specWarnings(next.spec?.jobTemplate?.spec?.template?.spec ?? {}, path);
  },
  printer: cronJobPrinter,
};
