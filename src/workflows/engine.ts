import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { IgnoreSyntax } from "#dag/ignore/ignore.ts";
import type { Connection } from "#dag/connection/connection.ts";
import type { Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { executorOf, type ExecutorChoice } from "./executor/names.ts";
import type { Executor, JobEvents } from "./executor/executor.ts";
import { LocalExecutor } from "./executor/local.ts";
import { CallbackRunner } from "./scheduler/callback-runner.ts";
import { openExecutors, type ExecutorPorts } from "./executor/open.ts";
import type { WorkerCommand } from "./executor/worker-process.ts";
import { BundleFolders } from "./loader/bundles.ts";
import { deleteLostObjects } from "./objects/lost-objects.ts";
import type { ObjectPorts } from "./objects/object-store.ts";
import type { ObjectSettings } from "./objects/settings.ts";
import { lookUpConnection } from "./scheduler/look-up.ts";
import type { SecretsBackend } from "./secrets/secrets.ts";
import { Loader } from "./loader/loader.ts";
import { TimetableRunner } from "./scheduler/timetable-runner.ts";
import { Scheduler, type StoredTurn } from "./scheduler/scheduler.ts";
import { defaultMapLengthMax } from "./scheduler/world.ts";
import { migrations } from "./state/schema.ts";
import type { Vault } from "./state/vault.ts";

/** What an installation's workflows are made of. */
export interface EngineOptions {
  readonly dagsFolder: string;
  readonly logsFolder: string;
  /** For the code of versions, on this machine. */
  readonly codeFolder: string;
  /** Worker processes of the executor `local`. */
  readonly parallelism: number;
  /** Of them, how many wait for work from the start. */
  readonly warmWorkers: number;
  readonly pausedAtCreation: boolean;
  readonly scanIntervalMs: number;
  readonly parseTimeoutMs: number;
  readonly ignoreSyntax: IgnoreSyntax;
  readonly executors: ExecutorChoice;
  /** Where outputs go that are too large for the database; undefined: nowhere. */
  readonly objects?: ObjectSettings | undefined;
}

export interface EnginePorts extends Pick<
  ExecutorPorts,
  "random" | "workers" | "kubernetes" | "celery"
> {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly vault: Vault;
  readonly environment: Readonly<Record<string, string>>;
  /** Asked for connections and variables before the environment and the database. */
  readonly secrets?: SecretsBackend | undefined;
  /** Sends requests. */
  readonly fetch: ObjectPorts["fetch"];
  /** Starts this program as a worker. */
  readonly worker: WorkerCommand;
  readonly host: string;
  readonly pid: number;
  readonly newId: () => string;
  readonly isAlive: (pid: number) => boolean;
  /** Told of each turn of the scheduler. */
  readonly observe?: (turn: StoredTurn) => void;
}

/** Reads the DAGs' folder, schedules and runs tasks, until the signal aborts. */
export async function runEngine(
  options: EngineOptions,
  ports: EnginePorts,
  signal: AbortSignal,
): Promise<void> {
  const { database, log } = ports;
  const applied = await migrate(database, migrations);
  if (applied.length > 0) log.info("the database is up to date", { migrations: applied.join(" ") });
  await using resources = new AsyncDisposableStack();
  const { scheduler, callbacks, timetables } = openScheduler(options, ports, resources);
  const loader = openLoader(options, ports);
  await using tasks = new TaskGroup((error) => {
    log.error("a part of the workflows failed", { error: error as Error });
  });
  tasks.start((stop) => loader.run(stop));
  tasks.start((stop) => callbacks.run(stop));
  tasks.start((stop) => timetables.run(stop));
  const connection = (id: string): Promise<Connection | undefined> => lookUpConnection(ports, id);
  tasks.start((stop) => deleteLostObjects({ ...ports, connection }, stop));
  await scheduler.run(signal);
}

/** The part that keeps the database's DAGs as the files declare them. */
export function openLoader(options: EngineOptions, ports: EnginePorts): Loader {
  return new Loader(
    {
      folder: options.dagsFolder,
      command: ports.worker,
      intervalMs: options.scanIntervalMs,
      timeoutMs: options.parseTimeoutMs,
      pausedAtCreation: options.pausedAtCreation,
      ignoreSyntax: options.ignoreSyntax,
    },
    {
      database: ports.database,
      clock: ports.clock,
      log: ports.log,
    },
  );
}

/** The part that runs what the database's DAGs ask for; what it uses is added to `resources`. */
export function openScheduler(
  options: EngineOptions,
  ports: EnginePorts,
  resources: AsyncDisposableStack,
): {
  readonly scheduler: Scheduler;
  readonly callbacks: CallbackRunner;
  readonly timetables: TimetableRunner;
} {
  const { database, clock, log, host, pid, newId, isAlive, vault, environment } = ports;
  const { executors, parallelism, warmWorkers } = options;
  const settings = {
    executorOf: (task: Parameters<typeof executorOf>[1]) => executorOf(executors, task),
    mapLengthMax: defaultMapLengthMax,
    objects: options.objects,
  };
  const world = { database, clock, log, host, pid, newId, settings };
  const shared = {
    places: {
      bundles: new BundleFolders(options.codeFolder),
      dagsFolder: options.dagsFolder,
      logsFolder: options.logsFolder,
      objects: options.objects,
    },
    answers: { database, vault, clock, environment, secrets: ports.secrets },
  };
  const scheduler = new Scheduler(world, {
    ...shared,
    callbacksWait: () => {
      callbacks.wake();
    },
    isAlive,
    observe: ports.observe,
    openExecutors: (events, scheduler) =>
      openExecutors(
        executors,
        { ...ports, parallelism, warmWorkers },
        { events, id: scheduler },
        resources,
      ),
  });
  const openExecutor = (events: JobEvents): Executor =>
    new LocalExecutor({ parallelism: 1, command: ports.worker }, events, clock);
  const callbacks = new CallbackRunner(world, { ...shared, openExecutor }, scheduler.id);
  const timetables = new TimetableRunner(world, shared.places, ports.worker);
  return { scheduler, callbacks, timetables };
}
