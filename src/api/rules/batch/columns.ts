import type { CronJob, Job, JobStatus } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  ageSince,
  column,
  containerImages,
  containerNames,
  containersColumn,
  formatSelector,
  imagesColumn,
  nameColumn,
  nameOf,
  selectorColumn,
  typedColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";
import { formatAge, parseTime } from "#api/time.ts";

export const jobPrinter: Printer<Job> = {
  columns: [
    nameColumn,
    column("Status", "Status of the job."),
    column("Completions", "Pods that succeeded, of those that must."),
    column("Duration", "Time required to complete the job."),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  cells: (job, nowMs) => {
    const containers = job.spec?.template?.spec?.containers;
    return [
      nameOf(job),
      statusOf(job),
      completionsOf(job),
      durationOf(job.status ?? {}, nowMs),
      ageOf(job, nowMs),
      containerNames(containers),
      containerImages(containers),
      formatSelector(job.spec?.selector),
    ];
  },
};

// In order of precedence; a deletion stands after the two ends.
const states = [
  ["Complete", "Complete"],
  ["Failed", "Failed"],
  ["", "Terminating"],
  ["Suspended", "Suspended"],
  ["FailureTarget", "FailureTarget"],
  ["SuccessCriteriaMet", "SuccessCriteriaMet"],
] as const;

function statusOf(job: Loose<Job>): string {
  const conditions = job.status?.conditions ?? [];
  for (const [type, text] of states) {
    const isDeleted = job.metadata?.deletionTimestamp !== undefined;
    const isMet = conditions.find((it) => it.type === type)?.status === "True";
    if (type === "" ? isDeleted : isMet) return text;
  }
  return "Running";
}

function completionsOf(job: Loose<Job>): string {
  const succeeded = job.status?.succeeded ?? 0;
  const completions = job.spec?.completions;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf(status: Loose<JobStatus>, nowMs: number): string {
  const start = parseTime(status.startTime ?? "");
  if (start === undefined) return "";
  const end = parseTime(status.completionTime ?? "") ?? nowMs;
  return formatAge(end - start);
}

export const cronJobPrinter: Printer<CronJob> = {
  columns: [
    nameColumn,
    column("Schedule", "When it runs, in cron's notation."),
    column("Timezone", "Time zone of the schedule."),
    typedColumn("Suspend", "boolean", "Whether no new runs start."),
    typedColumn("Active", "integer", "Jobs that run now."),
    column("Last Schedule", "Time since it last ran."),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  cells: (job, nowMs) => {
    const { spec = {}, status = {} } = job;
    const { template, selector } = spec.jobTemplate?.spec ?? {};
    const last = status.lastScheduleTime;
    return [
      nameOf(job),
      spec.schedule ?? "",
      spec.timeZone ?? "<none>",
      formatBoolean(spec.suspend),
      (status.active ?? []).length,
      last === undefined ? "<none>" : ageSince(last, nowMs),
      ageOf(job, nowMs),
      containerNames(template?.spec?.containers),
      containerImages(template?.spec?.containers),
      formatSelector(selector),
    ];
  },
};

function formatBoolean(value: boolean | undefined): string {
  if (value === undefined) return "<unset>";
  return value ? "True" : "False";
}
