import type { Step } from "#dag/run/plan.ts";
import type { RunRecord } from "./run-record.ts";

/** What is left of what a turn may do; what there is no room for is done in the next one. */
export interface TurnRoom {
  /** Task instances that are made for runs that start. */
  instances: number;
  /** Steps of plans; to plan so many instances as {@link plannedPerStep} counts as one. */
  steps: number;
}

/** So much that a turn takes a fraction of a second. */
export const wholeRoom: Readonly<TurnRoom> = { instances: 1_000, steps: 1_000 };

const plannedPerStep = 32;

/** Counts the planning of a run. False, and nothing counted, when there is no room for it. */
export function takePlan(room: TurnRoom, instances: number): boolean {
  if (room.steps <= 0) return false;
  room.steps -= 1 + Math.floor(instances / plannedPerStep);
  return true;
}

/** The first steps of a plan, as many as there is room for; at least one. */
export function takeSteps(room: TurnRoom, steps: readonly Step[]): readonly Step[] {
  for (const [at, step] of steps.entries()) {
    if (at > 0 && room.steps <= 0) return steps.slice(0, at);
    room.steps -= step.kind === "expand" ? step.count : 1;
  }
  return steps;
}

/** Gives a run instances of the tasks that have none yet, as many as there is room for. */
export function makeInstances(room: TurnRoom, record: RunRecord): void {
  const { tasks } = record.model;
  const { madeTasks = tasks.length } = record.run;
  const next = tasks.slice(madeTasks, madeTasks + Math.max(0, room.instances));
  for (const { id } of next) if (!record.has(id)) record.add(id, -1);
  room.instances -= next.length;
  const made = madeTasks + next.length;
  record.setRun({ madeTasks: made < tasks.length ? made : undefined });
}
