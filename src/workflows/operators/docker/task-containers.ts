import { childString, isJsonObject } from "#api/object.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import { EngineError, type DockerEngine } from "./engine.ts";

const tryLabel = "gantry.try_number";

/** Labels by which the containers of a task are found again. */
export function containerLabels(job: Job): Readonly<Record<string, string>> {
  return {
    "gantry.dag_id": job.dagId,
    "gantry.task_id": job.taskId,
    "gantry.run_id": job.runId,
    "gantry.map_index": String(job.mapIndex),
    [tryLabel]: String(job.tryNumber),
  };
}

/** Stops what tries of the task, up to the job's, have left running. */
export async function stopTaskContainers(call: OperatorCall, engine: DockerEngine): Promise<void> {
  const { signal } = call.context;
  const wanted = Object.entries(containerLabels(call.job)).filter(([name]) => name !== tryLabel);
  const filters = JSON.stringify({ label: wanted.map(([name, it]) => `${name}=${it}`) });
  const path = `/containers/json?filters=${encodeURIComponent(filters)}`;
  const list: unknown = JSON.parse(await engine.text({ method: "GET", path }, signal));
  for (const it of Array.isArray(list) ? list.filter(isJsonObject) : []) {
    const id = childString(it, "Id") ?? "";
    const labels = isJsonObject(it["Labels"]) ? it["Labels"] : {};
    if (Number(childString(labels, tryLabel)) > call.job.tryNumber) continue;
    await stopContainer(engine, id, signal);
    if (call.input["autoRemove"] === "force") {
      await engine.text({ method: "DELETE", path: `/containers/${id}?force=1` }, signal);
    }
    call.log.line("INFO", `container ${id.slice(0, 12)} is stopped`);
  }
}

/** Ends a container that runs; one that is gone, or has ended, is no error. */
export async function stopContainer(
  engine: DockerEngine,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await engine.text({ method: "POST", path: `/containers/${id}/stop?t=1` }, signal);
  } catch (error) {
    if (!(error instanceof EngineError) || ![304, 404].includes(error.status)) throw error;
  }
}
