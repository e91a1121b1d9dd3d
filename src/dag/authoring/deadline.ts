import type { DeadlineModel, DeadlineReference } from "#dag/model/model.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { DagError } from "./draft.ts";
import type { Callback } from "./options.ts";

/** By when a run must have succeeded, and what is done when it has not; Airflow's `DeadlineAlert`. */
export interface Deadline {
  readonly name?: string;
  /**
   * What `interval` is counted from: the run's logical date, when it was queued, a moment, or, from when
   * it was queued, what the newest runs took on the average (of 10, unless said otherwise; without as
   * many there is no deadline).
   */
  readonly reference:
    | "logical_date"
    | "queued_at"
    | { readonly at: string | Date }
    | { readonly averageRuntime: { readonly maxRuns?: number; readonly minRuns?: number } };
  readonly interval: Duration;
  /** Called once for a run, in a process of its own, with `context.deadline`. */
  readonly callback: Callback;
}

const runsDefault = 10;

/** The stored form. @throws {DagError} for numbers that cannot be. */
export function deadlineModel(given: Deadline, timeZone: string): DeadlineModel {
  if (typeof given.callback !== "function") throw new DagError("a deadline needs a callback");
  return {
    name: given.name,
    reference: referenceModel(given.reference, timeZone),
    intervalMs: durationMs(given.interval),
  };
}

function referenceModel(given: Deadline["reference"], timeZone: string): DeadlineReference {
  if (typeof given === "string") return { kind: given };
  if ("at" in given) {
    const { at } = given;
    return { kind: "fixed", at: at instanceof Date ? at.getTime() : parseMoment(at, timeZone) };
  }
  const { maxRuns = runsDefault, minRuns = maxRuns } = given.averageRuntime;
  if (
    !Number.isInteger(maxRuns) ||
    !Number.isInteger(minRuns) ||
    minRuns < 1 ||
    maxRuns < minRuns
  ) {
    throw new DagError("averageRuntime needs whole numbers with 1 <= minRuns <= maxRuns");
  }
  return { kind: "average_runtime", maxRuns, minRuns };
}

/** All of a DAG. Undefined when there is none. */
export function deadlineModels(
  given: Deadline | readonly Deadline[] | undefined,
  timeZone: string,
): readonly DeadlineModel[] | undefined {
  if (given === undefined) return undefined;
  return listed(given).map((it) => deadlineModel(it, timeZone));
}

/** The callback of the deadline at a place. */
export function deadlineCallback(
  given: Deadline | readonly Deadline[] | undefined,
  position: number,
): Callback | undefined {
  return given === undefined ? undefined : listed(given)[position]?.callback;
}

function listed(given: Deadline | readonly Deadline[]): readonly Deadline[] {
  return "callback" in given ? [given] : given;
}
