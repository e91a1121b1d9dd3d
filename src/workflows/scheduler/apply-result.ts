import type { AssetModel } from "#dag/assets/asset.ts";
import { branchSkips, shortCircuitSkips } from "#dag/run/branch.ts";
import { retryDelayMs } from "#dag/run/retry.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { leavesBehind } from "#workflows/operators/leaves-behind.ts";
import { isOwnObject } from "#workflows/objects/object-path.ts";
import { killOf } from "#workflows/state/callbacks.ts";
import type { InstanceRow } from "#workflows/state/instances.ts";
import type { AttemptResult } from "#workflows/worker/protocol.ts";
import type { RunRecord } from "./run-record.ts";
import type { Ended, Turn } from "./turn-context.ts";
import { hasPast, wakeLater } from "./wake-runs.ts";

/** Records how a try ended. One that has been superseded, or decided about, changes nothing. */
export async function applyResult(turn: Turn, ended: Ended): Promise<void> {
  const record = await turn.records.get(turn.queries, ended);
  const instance = record?.find(ended.taskId, ended.mapIndex);
  if (record === undefined || instance?.attempt !== ended.attempt) return;
  if (instance.state !== "running" && instance.state !== "queued") return;
  const task = record.task(ended.taskId);
  if (task === undefined) return;
  const change = changeOf(turn, { record, instance, task }, ended.result);
  record.set(instance, { ...change, endedAt: turn.now, owner: undefined });
  turn.events.push({
    at: turn.now,
    name: `task.${change.state ?? "orphaned"}`,
    dagId: ended.dagId,
    runId: ended.runId,
    taskId: ended.taskId,
    mapIndex: ended.mapIndex,
    tryNumber: instance.tryNumber,
    owner: turn.owner,
    extra: change.reason,
    measured: {
      startedAt: instance.startedAt,
      operator: instance.operator,
      reads: task.inlets,
      makes: madeBy(task, ended.result),
    },
  });
  callBackKilled(turn, { record, instance, task }, ended.result, change.state);
  killRemains(turn, instance, ended.result, change.state);
  if (hasPast(record)) await wakeLater(turn, record);
}

/** What a task has made, by its declaration and by what it has said. */
function madeBy({ outlets = [] }: TaskModel, result: AttemptResult): readonly AssetModel[] {
  const told = result.kind === "success" ? (result.made ?? []).map((it) => it.asset) : [];
  return [...new Map([...outlets, ...told].map((it) => [it.name, it])).values()];
}

interface Target {
  readonly record: RunRecord;
  readonly instance: InstanceRow;
  readonly task: TaskModel;
}

/** A worker that was killed has not called what the task wants called. */
function callBackKilled(
  turn: Turn,
  { instance, task }: Target,
  result: AttemptResult,
  state: Change["state"],
): void {
  if (result.kind !== "failed" || result.killed !== true) return;
  const name = state === "failed" ? "onFailure" : "onRetry";
  if (!task.callbacks.includes(name)) return;
  const { dagId, runId, taskId: id, mapIndex, tryNumber } = instance;
  const { error } = result;
  turn.callbacks.push({ dagId, runId, name, task: { id, mapIndex, tryNumber }, error });
}

/** What a killed worker has left elsewhere ends, unless the next try goes on with it. */
function killRemains(
  turn: Turn,
  instance: InstanceRow,
  result: AttemptResult,
  state: Change["state"],
): void {
  const isKilled = result.kind === "lost" || (result.kind === "failed" && result.killed === true);
  const goesOn = state !== "failed" && leavesBehind.get(instance.operator) === "taken-over";
  const kill = isKilled && !goesOn ? killOf(instance) : undefined;
  if (kill !== undefined) turn.callbacks.push(kill);
}

type Change = Partial<InstanceRow> & Pick<InstanceRow, "state">;

function changeOf(turn: Turn, target: Target, result: AttemptResult): Change {
  switch (result.kind) {
    case "success":
      return succeed(turn, target, result);
    case "skipped":
      return { state: "skipped", reason: result.reason };
    case "reschedule":
      return { state: "up_for_reschedule", nextAt: result.at };
    case "lost":
      return {
        state: null,
        attempt: undefined,
        maxTries: target.instance.maxTries + 1,
        reason: result.reason,
      };
    case "failed":
      return failed(turn, target, result);
  }
}

function succeed(
  turn: Turn,
  target: Target,
  result: Extract<AttemptResult, { readonly kind: "success" }>,
): Change {
  const { record, instance, task } = target;
  let skips: readonly string[] = [];
  if (result.followed !== undefined) {
    try {
      skips = branchSkips(record.model.tasks, instance.taskId, result.followed);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return failed(turn, target, { kind: "failed", error: message, retry: false });
    }
  }
  if (result.stopped === true) skips = shortCircuitSkips(record.model.tasks, instance.taskId);
  for (const { name, value, object } of result.outputs) {
    const { objects } = turn.settings;
    if (object !== undefined && !(objects && isOwnObject(objects, instance, object.path))) {
      const error = `${object.path} is not the place of an output of this task`;
      return failed(turn, target, { kind: "failed", error, retry: false });
    }
    turn.outputs.push({ ...instance, name, value, object });
  }
  const { dagId, runId, taskId, mapIndex } = instance;
  const source = { dagId, runId, taskId, mapIndex };
  const { made = [] } = result;
  for (const { asset, extra, alias } of made) {
    const aliased = alias === undefined ? undefined : { alias, model: asset };
    turn.assetEvents.push({ asset: asset.name, at: turn.now, extra, aliased, source });
  }
  // What it has said nothing about it has made all the same.
  const told = new Set(made.map((it) => it.asset.name));
  for (const { name, extra } of (task.outlets ?? []).filter((it) => !told.has(it.name))) {
    turn.assetEvents.push({ asset: name, at: turn.now, extra, source });
  }
  return { state: "success", skips, reason: undefined };
}

function failed(
  turn: Turn,
  { instance, task }: Target,
  result: Extract<AttemptResult, { readonly kind: "failed" }>,
): Change {
  if (!result.retry || instance.tryNumber > instance.maxTries) {
    return { state: "failed", reason: result.error };
  }
  const { dagId, runId, taskId, mapIndex, tryNumber } = instance;
  const delayMs = retryDelayMs(task, [dagId, runId, taskId, mapIndex].join("#"), tryNumber);
  return { state: "up_for_retry", reason: result.error, nextAt: turn.now + delayMs };
}
