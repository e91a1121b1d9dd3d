import type { DeadlineModel, DeadlineReference } from "#dag/model/model.ts";
import { durationMs } from "#dag/model/duration.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { DagError } from "./draft.ts";
import type { Callback, Deadline } from "./options.ts";

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
