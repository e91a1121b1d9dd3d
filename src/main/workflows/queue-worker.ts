import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { jsonLogger } from "#base/log.ts";
import type { Broker } from "#workflows/broker/broker.ts";
import { DatabaseBroker } from "#workflows/broker/database-broker.ts";
import { LocalJobRunner } from "#workflows/remote/job-runner.ts";
import { runQueueWorker } from "#workflows/remote/queue-worker.ts";
import { openNamedBroker, type BrokerOptions } from "./broker.ts";
import {
  openWorkflowDatabase,
  workerCommand,
  workflowPlaces,
  type WorkflowWhere,
} from "./installation.ts";
import { writeLog } from "#main/process/write-log.ts";

export interface WorkerOptions extends WorkflowWhere, BrokerOptions {
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** Most and fewest worker processes. */
  readonly autoscale?: { readonly max: number; readonly min: number };
  readonly hostname?: string;
}

/** Between two looks at which idle processes may go. */
const shrinkMs = 30_000;

/** Runs tasks of queues in the foreground; the first signal lets what runs end, the second does not. */
export async function queueWorker(options: WorkerOptions): Promise<void> {
  const places = workflowPlaces(options);
  const log = jsonLogger(systemClock, writeLog);
  const leaving = new AbortController();
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      (leaving.signal.aborted ? stop : leaving).abort(new Error(name));
    });
  }
  const max = options.autoscale?.max ?? options.concurrency;
  const min = options.autoscale?.min ?? options.concurrency;
  const command = workerCommand(places);
  const name = `${options.hostname ?? hostname()}:${process.pid}`;
  await using resources = new AsyncDisposableStack();
  const broker = await openBroker(options, name, resources);
  await using runner = new LocalJobRunner({ parallelism: max, command }, systemClock);
  runner.warm(min);
  log.info("the worker starts", { name, queues: options.queues.join(","), processes: max });
  const settings = { queues: options.queues, concurrency: max, name };
  const codeFolder = join(places.home, "worker-code");
  const ended = new AbortController();
  const shrinking = runner.shrinkEvery(shrinkMs, min, ended.signal);
  try {
    const ports = { broker, clock: systemClock, log, runner };
    await runQueueWorker({ ...settings, codeFolder }, ports, leaving.signal, stop.signal);
  } finally {
    ended.abort(new Error("the worker ends"));
    await shrinking;
  }
  log.info("the worker ends");
}

/** The named broker, for which no database is needed, or the workflows' database. */
async function openBroker(
  options: WorkerOptions,
  name: string,
  resources: AsyncDisposableStack,
): Promise<Broker> {
  const named = await openNamedBroker(options, `worker ${name}`);
  if (named !== undefined) return resources.use(named);
  const database = await openWorkflowDatabase(workflowPlaces(options), options.database);
  return new DatabaseBroker(resources.use(database), systemClock);
}
