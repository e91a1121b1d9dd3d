import { planRun, type Facts, type Step } from "#dag/run/plan.ts";
import { expansionReferences, lengthOf } from "#dag/run/expansion.ts";
import { isActive, isFinished } from "#dag/model/states.ts";
import { valueAt, type OutputReference } from "#dag/model/model.ts";
import { killOf } from "#workflows/state/callbacks.ts";
import { dropMet } from "#workflows/state/deadlines.ts";
import { clearOutputs, outputsOf } from "#workflows/state/outputs.ts";
import { listInstances, type InstanceRow } from "#workflows/state/instances.ts";
import { previousRun } from "#workflows/state/runs.ts";
import { pastOf } from "./past.ts";
import type { RunRecord } from "./run-record.ts";
import { makeInstances, takePlan, takeSteps } from "./turn-room.ts";
import type { Turn } from "./turn-context.ts";
import { hasPast, wakeLater } from "./wake-runs.ts";

/** Most times that expansions may call for another look; each one expands at least one task. */
const passesMax = 1_000;

export interface Advanced {
  readonly finished: boolean;
  readonly stopped: readonly { readonly attempt: string; readonly reason: string }[];
}

/**
 * Does what follows from the states of a run's instances, until nothing more does or the turn has no
 * more room; then the next turn goes on.
 */
export async function advanceRun(turn: Turn, record: RunRecord): Promise<Advanced> {
  if (record.run.madeTasks !== undefined) makeInstances(turn.room, record);
  // What is planned needs all that it may depend on.
  if (record.run.madeTasks !== undefined || !takePlan(turn.room, record.size)) {
    record.setRun({ planAt: turn.now });
    return { finished: false, stopped: [] };
  }
  const past = await pastFacts(turn, record);
  const stopped: { readonly attempt: string; readonly reason: string }[] = [];
  for (let pass = 0; pass < passesMax; pass += 1) {
    const facts: Facts = {
      now: turn.now,
      mapLengthMax: turn.settings.mapLengthMax,
      past,
      measure: await measureOutputs(turn, record),
    };
    const { run } = record;
    const view = { state: run.state, startedAt: run.startedAt, instances: record.instances() };
    const plan = planRun(record.model, view, facts);
    const steps = takeSteps(turn.room, plan.steps);
    for (const step of steps) await takeStep(turn, record, step, stopped);
    if (steps.some((it) => it.kind === "set") && hasPast(record)) await wakeLater(turn, record);
    if (steps.length < plan.steps.length) {
      record.setRun({ planAt: turn.now });
      return { finished: false, stopped };
    }
    if (steps.some((it) => it.kind === "expand")) continue;
    const finished = steps.some((it) => it.kind === "finish");
    if (!finished && record.run.planAt !== plan.wakeAt) record.setRun({ planAt: plan.wakeAt });
    return { finished, stopped };
  }
  throw new Error(`run ${record.run.runId} does not settle`);
}

async function takeStep(
  turn: Turn,
  record: RunRecord,
  step: Step,
  stopped: { readonly attempt: string; readonly reason: string }[],
): Promise<void> {
  switch (step.kind) {
    case "schedule":
      await schedule(turn, record, step);
      return;
    case "expand":
      expand(record, step);
      return;
    case "finish":
      await finish(turn, record, step);
      return;
    case "set": {
      const instance = record.find(step.taskId, step.mapIndex);
      if (instance === undefined) return;
      if (isActive(instance.state) && instance.attempt !== undefined) {
        stopped.push({ attempt: instance.attempt, reason: step.reason });
      }
      const kill = instance.state === null ? undefined : killOf(instance);
      if (kill !== undefined) turn.callbacks.push(kill);
      const { state, reason } = step;
      record.set(instance, { state, reason, endedAt: turn.now, nextAt: undefined });
      turn.events.push({ ...eventOf(turn, instance), name: `task.${state}`, extra: reason });
    }
  }
}

async function schedule(
  turn: Turn,
  record: RunRecord,
  step: Extract<Step, { readonly kind: "schedule" }>,
): Promise<void> {
  const instance = record.find(step.taskId, step.mapIndex);
  if (instance === undefined) return;
  const again = instance.state === "up_for_reschedule";
  if (!again && instance.tryNumber > 0) await clearOutputs(turn.queries, instance);
  record.set(instance, {
    state: "scheduled",
    tryNumber: again ? instance.tryNumber : instance.tryNumber + 1,
    firstStartedAt: again ? instance.firstStartedAt : undefined,
    scheduledAt: turn.now,
    nextAt: undefined,
    endedAt: undefined,
    reason: undefined,
  });
}

function expand(record: RunRecord, step: Extract<Step, { readonly kind: "expand" }>): void {
  const instance = record.find(step.taskId, -1);
  if (instance === undefined) return;
  record.set(instance, { mapIndex: 0 });
  for (let at = 1; at < step.count; at += 1) record.add(step.taskId, at);
}

async function finish(
  turn: Turn,
  record: RunRecord,
  step: Extract<Step, { readonly kind: "finish" }>,
): Promise<void> {
  const { queries, now } = turn;
  const { dagId, runId, startedAt } = record.run;
  record.setRun({ state: step.state, endedAt: now, planAt: undefined });
  const about = { dagId, runId, extra: step.reason, measured: { startedAt } };
  turn.events.push({ at: now, name: `run.${step.state}`, ...about });
  const callback = step.state === "success" ? "onSuccess" : "onFailure";
  if (record.model.callbacks.includes(callback)) {
    const error = step.state === "failed" ? step.reason : undefined;
    turn.callbacks.push({ dagId, runId, name: callback, task: undefined, error });
  }
  const { deadlines = [] } = record.model;
  if (step.state === "success" && deadlines.length > 0) await dropMet(queries, record.run, now);
}

function eventOf(
  turn: Turn,
  it: InstanceRow,
): {
  readonly at: number;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
} {
  const { dagId, runId, taskId, mapIndex, tryNumber } = it;
  return { at: turn.now, dagId, runId, taskId, mapIndex, tryNumber };
}

/** Lengths of what mapped tasks that are not expanded yet will be mapped over. */
async function measureOutputs(turn: Turn, record: RunRecord): Promise<Facts["measure"]> {
  const lengths = new Map<string, number | undefined>();
  if (!record.model.tasks.some((it) => it.expand !== undefined)) return () => undefined;
  const byTask = Map.groupBy(record.instances(), (it) => it.taskId);
  for (const task of record.model.tasks) {
    const own = byTask.get(task.id) ?? [];
    if (task.expand === undefined || own[0]?.mapIndex !== -1 || own[0].state !== null) continue;
    for (const reference of expansionReferences(task.expand)) {
      const states = byTask.get(reference.task) ?? [];
      if (states.length === 0 || states.some((it) => !isFinished(it.state))) continue;
      lengths.set(nameOf(reference), await measure(turn, record, reference));
    }
  }
  return (reference) => lengths.get(nameOf(reference));
}

function nameOf({ task, key, path }: OutputReference): string {
  return JSON.stringify([task, key, path]);
}

async function measure(
  turn: Turn,
  record: RunRecord,
  reference: OutputReference,
): Promise<number | undefined> {
  const values = await outputsOf(turn.queries, record.run, reference.task, reference.key);
  const mapped = record.task(reference.task)?.expand !== undefined;
  const [first] = values;
  // Of an object only how long it is as a whole is known here.
  if (!mapped && first?.object !== undefined) {
    return reference.path.length === 0 ? first.object.length : undefined;
  }
  const value = mapped ? values.map((it) => it.value) : (first?.value ?? null);
  return lengthOf(valueAt(value, reference.path));
}

/** Why the run before holds tasks back. As Airflow's `PrevDagrunDep`. */
async function pastFacts(turn: Turn, record: RunRecord): Promise<Facts["past"]> {
  const { tasks } = record.model;
  if (!hasPast(record)) return () => undefined;
  const before = await previousRun(turn.queries, record.run);
  if (before === undefined) return () => undefined;
  // What this turn has changed about it is not written yet.
  const instances =
    turn.records.seen(before)?.instances() ?? (await listInstances(turn.queries, before));
  return pastOf(tasks, before, instances);
}
