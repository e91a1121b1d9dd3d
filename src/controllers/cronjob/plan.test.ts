import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob, CronJobSpec, CronJobStatus, Job } from "#api/gen/types.ts";
import { jobNameOf, planCronJob } from "./plan.ts";
import { parseSchedule } from "./schedule.ts";

const created = "2026-01-01T00:00:00Z";

function time(text: string): number {
  return Date.parse(`2026-${text}Z`);
}

const times: [
  schedule: string,
  zone: string | undefined,
  after: string,
  want: string | undefined,
][] = [
  ["*/5 * * * *", undefined, "01-01T00:00:00", "2026-01-01T00:05:00"],
  ["3/20 * * * *", undefined, "01-01T00:00:00", "2026-01-01T00:03:00"],
  ["3/20 * * * *", undefined, "01-01T00:23:00", "2026-01-01T00:43:00"],
  ["0 ? * * mon-fri", undefined, "01-02T23:30:00", "2026-01-05T00:00:00"],
  ["@hourly", undefined, "01-01T00:10:00", "2026-01-01T01:00:00"],
  ["@midnight", undefined, "01-01T00:10:00", "2026-01-02T00:00:00"],
  ["@weekly", undefined, "01-01T00:10:00", "2026-01-04T00:00:00"],
  ["@every 1h30m", undefined, "01-01T00:10:00", "2026-01-01T01:30:00"],
  ["@every 1h30m", undefined, "01-01T01:30:00", "2026-01-01T03:00:00"],
  ["0 12 13 * 5", undefined, "02-01T00:00:00", "2026-02-06T12:00:00"],
  ["0 9 * * *", "America/New_York", "01-01T00:00:00", "2026-01-01T14:00:00"],
  ["TZ=Asia/Tokyo 0 9 * * *", undefined, "01-01T01:00:00", "2026-01-02T00:00:00"],
  // In Berlin, 02:30 does not exist on 29 March, and comes twice on 25 October.
  ["30 1 * * *", "Europe/Berlin", "03-28T12:00:00", "2026-03-29T00:30:00"],
  ["30 3 * * *", "Europe/Berlin", "03-28T12:00:00", "2026-03-29T01:30:00"],
  ["0 12 * * *", "Europe/Berlin", "10-24T12:00:00", "2026-10-25T11:00:00"],
  ["0 0 30 2 *", undefined, "01-01T00:00:00", undefined],
];

for (const [text, zone, after, want] of times) {
  test(`schedule: ${text} ${zone ?? ""} after ${after} -> ${want ?? "never"}`, () => {
    const next = parseSchedule(text, zone, created).next(time(after));
    assert.equal(next, want === undefined ? undefined : Date.parse(`${want}Z`));
  });
}

function cronJob(spec: Partial<CronJobSpec>, status: CronJobStatus = {}): CronJob {
  return {
    metadata: { name: "c", namespace: "n", creationTimestamp: created },
    spec: { schedule: "*/10 * * * *", jobTemplate: {}, ...spec },
    status,
  };
}

/** `a`, `a done 00:05`, `a failed 00:05` */
function job(text: string): Job {
  const [name = "", end, at = ""] = text.split(" ");
  const lastTransitionTime = `2026-01-01T${at}:00Z`;
  const type = end === "done" ? "Complete" : "Failed";
  const conditions = [{ type, status: "True", lastTransitionTime }];
  return {
    metadata: { name, uid: name },
    status:
      end === undefined
        ? {}
        : { conditions, startTime: lastTransitionTime, completionTime: lastTransitionTime },
  };
}

const cases: [
  what: string,
  spec: Partial<CronJobSpec>,
  jobs: string[],
  now: string,
  want: string,
][] = [
  ["before the first time", {}, [], "00:09", "- next 00:10"],
  ["at its time", {}, [], "00:10", "due 00:10 next 00:20"],
  ["late", {}, [], "00:17", "due 00:10 next 00:20"],
  ["several were missed", {}, [], "00:45", "due 00:40 next 00:50"],
  ["too late", { startingDeadlineSeconds: 60 }, [], "00:17", "- next 00:20"],
  ["just in time", { startingDeadlineSeconds: 90 }, [], "00:11", "due 00:10 next 00:20"],
  ["suspended", { suspend: true }, [], "00:10", "-"],
  [
    "one runs, and more may",
    { concurrencyPolicy: "Allow" },
    ["a"],
    "00:10",
    "due 00:10 next 00:20",
  ],
  [
    "one runs, and no more may",
    { concurrencyPolicy: "Forbid" },
    ["a"],
    "00:10",
    "- next 00:20 JobAlreadyActive",
  ],
  [
    "one runs, and is replaced",
    { concurrencyPolicy: "Replace" },
    ["a", "b done 00:05"],
    "00:10",
    "due 00:10 next 00:20 replaces a",
  ],
  [
    "history",
    { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 },
    ["a done 00:01", "b done 00:02", "x failed 00:03"],
    "00:05",
    "- next 00:10 forgets a x",
  ],
  [
    "a hundred and more",
    { schedule: "* * * * *" },
    [],
    "05:00",
    "due 05:00 next 05:01 TooManyMissedTimes",
  ],
];

for (const [what, spec, jobs, now, want] of cases) {
  test(`planCronJob: ${what} -> ${want}`, () => {
    const given = cronJob(spec);
    const { schedule } = given.spec;
    const at = time(`01-01T${now}:00`);
    const plan = planCronJob(given, jobs.map(job), parseSchedule(schedule, undefined, created), at);
    const clock = (it: number): string => new Date(it).toISOString().slice(11, 16);
    const names = (list: readonly Job[]): string => list.map((it) => it.metadata?.name).join(" ");
    const got = [
      plan.due === undefined ? "-" : `due ${clock(plan.due)}`,
      ...(plan.nextAt === undefined ? [] : [`next ${clock(plan.nextAt)}`]),
      ...(plan.replace.length === 0 ? [] : [`replaces ${names(plan.replace)}`]),
      ...(plan.forget.length === 0 ? [] : [`forgets ${names(plan.forget)}`]),
      ...plan.notes.map((it) => it.reason).filter((it) => it !== "MissSchedule"),
    ];
    assert.equal(got.join(" "), want);
  });
}

test("planCronJob: a time is not taken twice, and the status follows the Jobs", () => {
  const given = cronJob(
    {},
    {
      lastScheduleTime: "2026-01-01T00:10:00Z",
      active: [
        { name: "a", uid: "a" },
        { name: "gone", uid: "gone" },
      ],
    },
  );
  const schedule = parseSchedule(given.spec.schedule, undefined, created);
  const plan = planCronJob(given, [job("a done 00:12")], schedule, time("01-01T00:15:00"));
  assert.equal(plan.due, undefined);
  assert.deepEqual(
    plan.finished.map((it) => it.metadata?.name),
    ["a"],
  );
  assert.deepEqual(
    plan.missing.map((it) => it.name),
    ["gone"],
  );
  assert.equal(plan.lastSuccess, time("01-01T00:12:00"));
  assert.equal(jobNameOf(given, time("01-01T00:10:00")), "c-29453770");
});
