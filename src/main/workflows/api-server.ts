import { once } from "node:events";
import { systemClock } from "#base/clock.ts";
import { jsonLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { migrate } from "#sql/migrate.ts";
import { addStateMetrics } from "#workflows/metrics/state-metrics.ts";
import { migrations } from "#workflows/state/schema.ts";
import { stopSignal } from "#main/process/stop-signal.ts";
import type { WorkflowApiOptions } from "./api-options.ts";
import { serveApi } from "./api.ts";
import {
  openVault,
  openWorkflowDatabase,
  workflowPlaces,
  type WorkflowWhere,
} from "./installation.ts";
import { writeLog } from "#main/process/write-log.ts";

/** Serves the REST API of workflows in the foreground, beside schedulers in other processes. */
export async function apiServer(options: WorkflowWhere & WorkflowApiOptions): Promise<void> {
  const places = workflowPlaces(options);
  const log = jsonLogger(systemClock, writeLog);
  using stop = stopSignal();
  await using database = await openWorkflowDatabase(places, options.database);
  await migrate(database, migrations);
  const metrics = new MetricRegistry();
  addStateMetrics(metrics, database);
  const parts = { places, database, vault: openVault(places), log, metrics };
  await using server = await serveApi(options, parts);
  log.info("serving", { address: server.address });
  await once(stop.signal, "abort");
}
