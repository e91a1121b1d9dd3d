import type { Json } from "#api/object.ts";
import { FailError, SkipError } from "#dag/authoring/context.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import {
  optionalText,
  requiredText,
  textsOf,
  type Operator,
  type OperatorCall,
} from "./operator.ts";
import { waitFor } from "./sensors.ts";

/**
 * Waits for another DAG's run of the same logical date, or for tasks of it. `executionDelta` says how
 * much earlier that date is; `executionDates` names dates instead.
 */
export const externalTaskSensorOperator: Operator = {
  templated: ["dag", "task", "tasks", "executionDates"],
  async execute(call) {
    const dagId = requiredText(call, "dag");
    const tasks = tasksOf(call);
    const logicalDates = datesOf(call);
    const shown = logicalDates.map((it) => new Date(it).toISOString()).join(", ");
    call.log.line("INFO", `waits for ${[dagId, ...tasks].join(" ")} at ${shown}`);
    await waitFor(call, async () => {
      const states = await Promise.all(
        (tasks.length === 0 ? [undefined] : tasks).map((taskId) =>
          call.ask({ kind: "states", dagId, taskId, logicalDates }),
        ),
      );
      return judge(call, states.flat(), logicalDates.length);
    });
    return { value: true };
  },
};

/** Whether every one is as wanted. @throws when one is as it must not be. */
function judge(call: OperatorCall, states: readonly Json[], dates: number): boolean {
  const given = textsOf(call, "allowedStates");
  const allowed = given.length === 0 ? ["success"] : given;
  const failed = textsOf(call, "failedStates");
  const skipped = textsOf(call, "skippedStates");
  const found = states.map((it) => (typeof it === "string" ? it : "none"));
  if (found.some((it) => failed.includes(it))) {
    throw new FailError(`what is waited for ended as ${found.join(", ")}`);
  }
  if (found.some((it) => skipped.includes(it))) {
    throw new SkipError(`what is waited for ended as ${found.join(", ")}`);
  }
  const missing = found.length < Math.max(dates, tasksOf(call).length * dates);
  return !missing && found.every((it) => allowed.includes(it));
}

function tasksOf(call: OperatorCall): readonly string[] {
  const one = optionalText(call, "task");
  return one === undefined ? textsOf(call, "tasks") : [one];
}

function datesOf(call: OperatorCall): readonly number[] {
  const dates = textsOf(call, "executionDates");
  if (dates.length > 0) return dates.map((it) => parseMoment(it, call.job.run.timeZone));
  const delta = call.input["executionDelta"];
  const earlierMs = delta === undefined || delta === null ? 0 : durationMs(delta as Duration);
  return [call.job.run.logicalDate - earlierMs];
}
