import { join } from "node:path";
import type { Queries } from "#sql/database.ts";
import { eventsOfRun } from "#workflows/state/assets.ts";
import type { InstanceKey, InstanceRow } from "#workflows/state/instances.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import type { ObjectSettings } from "#workflows/objects/settings.ts";
import type { BundleFolders } from "#workflows/loader/bundles.ts";
import { runParams } from "#dag/params/check.ts";
import { assert } from "#base/assert.ts";
import type { RunRecord } from "./run-record.ts";

/** Where jobs find code and leave logs. */
export interface JobPlaces {
  readonly bundles: Pick<BundleFolders, "folderOf">;
  readonly dagsFolder: string;
  readonly logsFolder: string;
  readonly objects?: ObjectSettings | undefined;
}

/** What an executor is given for an instance. @throws {Error} when the DAG's code is lost. */
export async function jobOf(
  queries: Queries,
  places: JobPlaces,
  record: RunRecord,
  instance: InstanceRow,
): Promise<Job> {
  const { run, version, model } = record;
  const task = record.task(instance.taskId);
  assert(task !== undefined && instance.attempt !== undefined, "a started instance has an attempt");
  const code = {
    bundleFolder: await places.bundles.folderOf(queries, version.bundle),
    file: version.file,
    dagsFolder: places.dagsFolder,
  };
  return {
    attempt: instance.attempt,
    dagId: run.dagId,
    runId: run.runId,
    taskId: instance.taskId,
    mapIndex: instance.mapIndex,
    tryNumber: instance.tryNumber,
    maxTries: instance.maxTries,
    task,
    run: {
      runType: run.runType,
      logicalDate: run.logicalDate,
      intervalStart: run.intervalStart,
      intervalEnd: run.intervalEnd,
      startedAt: run.startedAt ?? run.queuedAt,
      timeZone: model.timeZone,
      conf: run.conf,
      params: runParams(model.params, run.conf),
      assetEvents: run.runType === "asset_triggered" ? await eventsOfRun(queries, run) : undefined,
    },
    code,
    logFile: logFileOf(places.logsFolder, instance, instance.tryNumber),
    objects: places.objects,
    freshFrom: instance.freshFrom,
    firstStartedAt: instance.firstStartedAt ?? 0,
  };
}

/** Where the log of a try is; the folders are named as Airflow names them. */
export function logFileOf(folder: string, key: InstanceKey, tryNumber: number): string {
  const parts = [`dag_id=${key.dagId}`, `run_id=${key.runId}`, `task_id=${key.taskId}`];
  if (key.mapIndex >= 0) parts.push(`map_index=${key.mapIndex}`);
  return join(folder, ...parts.map(safePart), `attempt=${tryNumber}.log`);
}

/** Ids are one part of a path each, whatever they are made of. */
function safePart(part: string): string {
  return part.replaceAll("/", "_").replaceAll("\0", "_");
}
