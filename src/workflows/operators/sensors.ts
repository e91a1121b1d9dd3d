import { existsSync } from "node:fs";
import { SkipError, FailError } from "#dag/authoring/context.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { requiredText, Reschedule, type Operator, type OperatorCall } from "./operator.ts";

interface Settings {
  readonly pokeIntervalMs: number;
  readonly timeoutMs: number;
  readonly holdsWorker: boolean;
  readonly softFail: boolean;
  readonly exponential: boolean;
}

/** Airflow's defaults, but that a sensor gives its worker back between two looks. */
function settingsOf(call: OperatorCall): Settings {
  const given = call.input["sensor"];
  const fields = typeof given === "object" && given !== null && !Array.isArray(given) ? given : {};
  const duration = (name: string, fallback: Duration): number =>
    durationMs((fields[name] ?? fallback) as Duration);
  return {
    pokeIntervalMs: duration("pokeInterval", "60s"),
    timeoutMs: duration("timeout", "7d"),
    holdsWorker: fields["mode"] === "poke",
    softFail: fields["softFail"] === true,
    exponential: fields["exponentialBackoff"] === true,
  };
}

/** Looks until the condition holds; between two looks other tasks may have the worker. */
export async function waitFor(call: OperatorCall, look: () => Promise<boolean>): Promise<void> {
  const settings = settingsOf(call);
  const deadline = call.job.firstStartedAt + settings.timeoutMs;
  for (;;) {
    if (await look()) return;
    const intervalMs = nextInterval(call, settings);
    const next = call.clock.now() + intervalMs;
    if (next > deadline) {
      const message = `it did not come within ${settings.timeoutMs / 1_000} seconds`;
      throw settings.softFail ? new SkipError(message) : new FailError(message);
    }
    call.log.line("INFO", `not yet; looks again in ${intervalMs / 1_000} s`);
    if (!settings.holdsWorker) throw new Reschedule(next);
    await call.clock.sleep(intervalMs, call.context.signal);
  }
}

/** With back-off a sensor waits as long again as it has waited, but at least its interval. */
function nextInterval(call: OperatorCall, settings: Settings): number {
  const { pokeIntervalMs, exponential } = settings;
  if (!exponential) return pokeIntervalMs;
  return Math.max(pokeIntervalMs, call.clock.now() - call.job.firstStartedAt);
}

/** Waits until the author's function returns something true. */
export const sensorOperator: Operator = {
  templated: [],
  async execute(call) {
    const { run, context, job } = call;
    if (run === undefined) throw new Error(`the DAG's file has no function for ${job.taskId}`);
    await waitFor(call, async () => Boolean(await run({}, context)));
    return { value: true };
  },
};

/** Waits until a file or folder exists. */
export const fileSensorOperator: Operator = {
  templated: ["path"],
  async execute(call) {
    const path = requiredText(call, "path");
    await waitFor(call, async () => existsSync(path));
    call.log.line("INFO", `${path} is there`);
    return { value: true };
  },
};

/** Waits until a time. */
export const dateTimeSensorOperator: Operator = {
  templated: ["targetTime"],
  async execute(call) {
    const target = parseMoment(requiredText(call, "targetTime"), call.job.run.timeZone);
    const left = target - call.clock.now();
    if (left <= 0) return { value: true };
    call.log.line("INFO", `waits until ${new Date(target).toISOString()}`);
    throw new Reschedule(target);
  },
};
