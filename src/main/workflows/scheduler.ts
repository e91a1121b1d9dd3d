import { systemClock } from "#base/clock.ts";
import { jsonLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { migrate } from "#sql/migrate.ts";
import { runEngine } from "#workflows/engine.ts";
import { parseExecutors } from "#workflows/executor/names.ts";
import { EventMetrics } from "#workflows/metrics/event-metrics.ts";
import { addStateMetrics } from "#workflows/metrics/state-metrics.ts";
import type { StoredTurn } from "#workflows/scheduler/scheduler.ts";
import { migrations } from "#workflows/state/schema.ts";
import { stopSignal } from "#main/process/stop-signal.ts";
import type { WorkflowApiOptions } from "./api-options.ts";
import { serveApi, type ApiParts, type ServedApi } from "./api.ts";
import { executorPorts, type ExecutorOptions } from "./executors.ts";
import { openLineage } from "./lineage.ts";
import type { SchedulerReport } from "./process.ts";
import { openSecrets } from "./secrets.ts";
import {
  engineOptions,
  enginePorts,
  openWorkflowDatabase,
  workflowPlaces,
  type WorkflowWhere,
} from "./installation.ts";
import { writeLog } from "#main/process/write-log.ts";

export interface SchedulerOptions extends WorkflowWhere, WorkflowApiOptions, ExecutorOptions {
  readonly warmWorkers: number;
  /** Goes on without the REST API when its port is taken. */
  readonly apiOptional: boolean;
  /** A list; the first is for tasks that name none. */
  readonly executor: string;
  /** Tasks of this queue go to Kubernetes with a hybrid executor. */
  readonly kubernetesQueue: string;
  /** False: DAGs that are seen for the first time run at once. */
  readonly pausedAtCreation: boolean;
}

/** Runs the workflow scheduler in the foreground, until a signal ends it. */
export async function scheduler(options: SchedulerOptions): Promise<void> {
  const places = workflowPlaces(options);
  const log = jsonLogger(systemClock, writeLog);
  using stop = stopSignal();
  const { parallelism, warmWorkers, executor, kubernetesQueue, pausedAtCreation } = options;
  const executors = parseExecutors(executor, kubernetesQueue);
  await using database = await openWorkflowDatabase(places, options.database);
  await using resources = new AsyncDisposableStack();
  const remote = await executorPorts(
    executors,
    options,
    { database, clock: systemClock },
    resources,
  );
  const engine = engineOptions(places, { parallelism, warmWorkers, executors, pausedAtCreation });
  log.info("the workflow scheduler starts", { dags: places.dagsFolder, executor });
  const ports = enginePorts(database, places, log);
  await migrate(database, migrations);
  const metrics = new MetricRegistry();
  const { vault } = ports;
  addStateMetrics(metrics, database);
  const counted = new EventMetrics(metrics);
  await using api = await openApi(options, { places, database, vault, log, metrics });
  tellParent({
    kind: "serving",
    pid: process.pid,
    api: api?.address ?? null,
    dags: places.dagsFolder,
  });
  const lineage = openLineage(ports.environment, log, resources);
  const observe = (turn: StoredTurn): void => {
    counted.turn(turn);
    lineage?.add(turn.events);
  };
  const secrets = await openSecrets(options, { clock: systemClock, log }, resources);
  await runEngine(engine, { ...ports, ...remote, secrets, observe }, stop.signal);
}

async function openApi(options: SchedulerOptions, parts: ApiParts): Promise<ServedApi | undefined> {
  if (options.apiPort === 0) return undefined;
  try {
    return await serveApi(options, parts);
  } catch (error) {
    if (!options.apiOptional) throw error;
    parts.log.error("there is no REST API", { error: error as Error });
    return undefined;
  }
}

/** For `gantry up`, which has started this process, to show it. */
function tellParent(report: SchedulerReport): void {
  process.send?.(report);
  // The channel must not keep this process from ending.
  process.channel?.unref();
}
