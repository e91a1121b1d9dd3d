import { basename } from "node:path";
import type { Server } from "node:http";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import type { Database } from "#sql/database.ts";
import type { Broker, SchedulerAddress } from "#workflows/broker/broker.ts";
import { KnownSchedulers } from "#workflows/remote/known-schedulers.ts";
import type { CodeFiles } from "#workflows/remote/messages.ts";
import { WorkerEndpoint } from "#workflows/remote/endpoint.ts";
import { AttemptTokens, type AttemptClaim } from "#workflows/remote/token.ts";
import { claimInstance, findInstance } from "#workflows/state/instances.ts";
import { findBundle } from "#workflows/state/dags.ts";
import type { Vault } from "#workflows/state/vault.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import type { Executor, JobEvents } from "./executor.ts";
import { CeleryExecutor, type CelerySettings } from "./celery/executor.ts";
import { KubernetesExecutor } from "./kubernetes/executor.ts";
import type { KubernetesSettings } from "./kubernetes/settings.ts";
import { LocalExecutor } from "./local.ts";
import type { ExecutorChoice, ExecutorKind } from "./names.ts";
import type { WorkerCommand } from "./worker-process.ts";

/** What executors are made of. */
export interface ExecutorPorts {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly worker: WorkerCommand;
  /** Worker processes of this machine. */
  readonly parallelism: number;
  /** Of them, how many wait for work from the start. */
  readonly warmWorkers: number;
  /** Where workers elsewhere come for their jobs; undefined: there are none. */
  readonly workers: { readonly server: Server; readonly address: SchedulerAddress } | undefined;
  readonly celery: { readonly broker: Broker; readonly settings: CelerySettings } | undefined;
  readonly kubernetes:
    { readonly client: Client; readonly settings: KubernetesSettings } | undefined;
}

/** Opens the chosen executors for a scheduler. What they share is added to `resources`. */
export function openExecutors(
  choice: ExecutorChoice,
  ports: ExecutorPorts,
  scheduler: { readonly events: JobEvents; readonly id: string },
  resources: AsyncDisposableStack,
): ReadonlyMap<string, Executor> {
  const opener = new Opener(ports, scheduler, resources);
  return new Map([...choice.kinds].map(([name, kind]) => [name, opener.open(kind)]));
}

class Opener {
  readonly #ports: ExecutorPorts;
  readonly #scheduler: { readonly events: JobEvents; readonly id: string };
  readonly #resources: AsyncDisposableStack;
  #endpoint: WorkerEndpoint | undefined;

  constructor(
    ports: ExecutorPorts,
    scheduler: { readonly events: JobEvents; readonly id: string },
    resources: AsyncDisposableStack,
  ) {
    this.#ports = ports;
    this.#scheduler = scheduler;
    this.#resources = resources;
  }

  open(kind: ExecutorKind): Executor {
    switch (kind) {
      case "LocalExecutor":
        return this.#local(this.#ports.parallelism);
      case "SequentialExecutor":
        return this.#local(1);
      case "KubernetesExecutor":
        return this.#kubernetes();
      case "CeleryExecutor":
        return this.#celery();
    }
  }

  #local(parallelism: number): Executor {
    const { worker: command, clock, warmWorkers } = this.#ports;
    const executor = new LocalExecutor({ parallelism, command }, this.#scheduler.events, clock);
    executor.warm(Math.min(warmWorkers, parallelism));
    return executor;
  }

  #kubernetes(): Executor {
    const { kubernetes, clock, random, log } = this.#ports;
    const { events, id } = this.#scheduler;
    if (kubernetes === undefined) throw new Error("KubernetesExecutor needs a cluster");
    const ports = { client: kubernetes.client, clock, random, log, endpoint: this.#workers() };
    return new KubernetesExecutor(kubernetes.settings, ports, events, id);
  }

  #celery(): Executor {
    const { celery, clock, log } = this.#ports;
    if (celery === undefined) throw new Error("CeleryExecutor needs a broker");
    const ports = { broker: celery.broker, clock, log, endpoint: this.#workers() };
    return new CeleryExecutor(celery.settings, ports, this.#scheduler.events);
  }

  /** One for all executors whose workers are elsewhere. */
  #workers(): WorkerEndpoint {
    if (this.#endpoint !== undefined) return this.#endpoint;
    const { database, vault, clock, log, workers } = this.#ports;
    if (workers === undefined) throw new Error("workers elsewhere need an address to come to");
    const schedulers = new KnownSchedulers(workers.address);
    const endpoint = new WorkerEndpoint({
      clock,
      log,
      tokens: new AttemptTokens(vault.derivedKey("execution"), clock),
      questions: this.#scheduler.events,
      codeOf: (job) => codeOf(database, job),
      isCurrent: (claim) => isCurrent(database, claim),
      claim: (claim, worker) => claimInstance(database, claim, worker),
      schedulers,
    });
    endpoint.mount(workers.server);
    this.#resources.use(endpoint);
    const looking = this.#resources.use(
      new TaskGroup((error) => {
        log.error("the other schedulers are not looked for", { error: error as Error });
      }),
    );
    const changed = (): void => {
      endpoint.tellSchedulers();
    };
    const { id } = this.#scheduler;
    looking.start((signal) => schedulers.run({ database, clock, id }, changed, signal));
    this.#endpoint = endpoint;
    return endpoint;
  }
}

async function codeOf(database: Database, { code, dagId }: Job): Promise<CodeFiles | undefined> {
  if (code === undefined) return undefined;
  const hash = basename(code.bundleFolder);
  const files = await findBundle(database, hash);
  if (files === undefined) throw new Error(`the code of DAG ${dagId}, ${hash}, is not stored`);
  return { hash, files };
}

async function isCurrent(database: Database, claim: AttemptClaim): Promise<boolean> {
  const instance = await findInstance(database, claim);
  if (instance?.attempt !== claim.attempt) return false;
  return instance.state === "running" || instance.state === "queued";
}
