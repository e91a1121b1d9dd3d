import type { ConnectionOptions } from "node:tls";
import { createRedisBackend, Queue, Worker, type Job, type QueueBase } from "bullmq";
import { Redis, type RedisOptions } from "ioredis";
import { describeError } from "#base/log.ts";
import type { Broker, QueuedJob, QueuedTry } from "./broker.ts";
import { describeRedisAddress, type RedisAddress } from "./redis-address.ts";

export interface RedisBrokerOptions {
  readonly address: RedisAddress;
  /** PEM, for `rediss://`: who signs the server's certificate, and this client's own. */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** Names this process to who looks at the server's clients. */
  readonly name: string;
}

/** Begins all keys and channels. */
const prefix = "gantry";

/** A server that has not answered a command by then cannot be reached. */
const answerMs = 5_000;
const reconnectMaxMs = 1_000;

/**
 * Between taking a message and being told that this was heard, it belongs to a worker for so long; one
 * whose worker ends in between goes back into the queue.
 */
const takingMs = 5_000;

/** BullMQ's numbers of priority go up to 2²¹, and the lowest goes first. */
const priorityMiddle = 2 ** 20;

/** One name of a queue: what is put in, and what is taken. */
interface Ends {
  readonly queue: Queue<QueuedJob>;
  /** Runs nothing by itself; made when something is to be taken. */
  worker: Worker<QueuedJob> | undefined;
}

/** Queues in Redis, as BullMQ keeps them there. One connection serves all of them, and one the news. */
export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #redis: Redis;
  readonly #ends = new Map<string, Ends>();
  #failure = "";
  /** Settles with the first try to connect, however it ends. */
  readonly #tried = Promise.withResolvers<undefined>();
  #turn = 0;

  constructor(options: RedisBrokerOptions) {
    this.#options = options;
    this.#redis = new Redis({
      ...connectionOptions(options),
      // What cannot be sent at once fails, and its caller tries again.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: answerMs,
    });
    this.#redis.on("error", (error: unknown) => {
      this.#failure = describeError(error);
      this.#tried.resolve(undefined);
    });
    this.#redis.on("ready", () => {
      this.#tried.resolve(undefined);
    });
  }

  async put(job: QueuedJob): Promise<void> {
    const { queue } = await this.#open(job.queue);
    const jobId = idOf(job.attempt);
    const priority = priorityOf(job.weight);
    await answered<unknown>([
      queue.remove(jobId),
      queue.add("try", job, { jobId, priority, removeOnComplete: true, removeOnFail: true }),
      this.#redis.publish(channelOf(job.queue), ""),
    ]);
  }

  async take(queues: readonly string[], count: number): Promise<readonly QueuedJob[]> {
    const taken: QueuedJob[] = [];
    // Every time another queue is the first, so that none starves.
    this.#turn += 1;
    for (let at = 0; at < queues.length && taken.length < count; at += 1) {
      const name = queues[(this.#turn + at) % queues.length] ?? "";
      taken.push(...(await this.#takeOf(name, count - taken.length)));
    }
    return taken;
  }

  async waiting(tries: readonly QueuedTry[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(tries.map((it) => idOf(it.attempt)));
    const names = new Set(tries.map((it) => it.queue));
    const found = await answered(
      [...names].map(async (name) => {
        const { queue } = await this.#open(name);
        const ids = await queue.getRanges(["prioritized", "wait"], 0, -1);
        return ids.filter((it) => wanted.has(it));
      }),
    );
    return new Set(found.flat().map(attemptOf));
  }

  async remove({ attempt, queue: name }: QueuedTry): Promise<void> {
    const { queue } = await this.#open(name);
    await queue.remove(idOf(attempt));
  }

  listen(queues: readonly string[], listener: () => void): Promise<AsyncDisposable> {
    // Waits for the server without end; what it hears is no more than that it is time to look.
    const redis = new Redis({ ...connectionOptions(this.#options), maxRetriesPerRequest: null });
    redis.on("error", () => undefined);
    redis.on("ready", listener);
    redis.on("message", listener);
    redis.subscribe(...queues.map(channelOf)).catch(() => undefined);
    return Promise.resolve({
      [Symbol.asyncDispose]: () => {
        redis.disconnect();
        return Promise.resolve();
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { queue, worker } of this.#ends.values()) {
      await worker?.close(true).catch(() => undefined);
      await queue.close().catch(() => undefined);
    }
    this.#redis.disconnect();
  }

  /** @throws {Error} when the server cannot be reached. */
  async #open(name: string): Promise<Ends> {
    await this.#tried.promise;
    if (this.#redis.status !== "ready") {
      const reason = this.#failure === "" ? "" : `: ${this.#failure}`;
      throw new Error(`${describeRedisAddress(this.#options.address)} cannot be reached${reason}`);
    }
    const known = this.#ends.get(name);
    if (known !== undefined) return known;
    const queue = new Queue<QueuedJob>(bullName(name), this.#shared(), withoutOwnConnection);
    const made: Ends = { queue, worker: undefined };
    this.#ends.set(name, made);
    this.#forgetIfBroken(name, queue);
    return made;
  }

  async #workerOf(name: string): Promise<Worker<QueuedJob>> {
    const ends = await this.#open(name);
    if (ends.worker !== undefined) return ends.worker;
    const settings = { autorun: false, lockDuration: takingMs, stalledInterval: takingMs };
    const worker = new Worker<QueuedJob>(
      bullName(name),
      null,
      { ...this.#shared(), ...settings, name: this.#options.name },
      withoutOwnConnection,
    );
    ends.worker = worker;
    this.#forgetIfBroken(name, worker);
    worker.startStalledCheckTimer().catch(() => undefined);
    return worker;
  }

  #shared(): { connection: Redis; prefix: string } {
    return { connection: this.#redis, prefix };
  }

  /** What was opened while the connection broke never works: another is made in its place. */
  #forgetIfBroken(
    name: string,
    opened: Pick<QueueBase, "waitUntilReady"> & NodeJS.EventEmitter,
  ): void {
    // The connection tells of its errors itself.
    opened.on("error", () => undefined);
    opened.waitUntilReady().catch(() => {
      this.#ends.delete(name);
    });
  }

  async #takeOf(name: string, count: number): Promise<readonly QueuedJob[]> {
    const worker = await this.#workerOf(name);
    const next = async (at: number): Promise<Job<QueuedJob> | undefined> => {
      const token = `${this.#options.name} ${at}`;
      const job = (await worker.getNextJob(token, { block: false })) as Job<QueuedJob> | undefined;
      // Whoever comes for the try first has it: a message that is not known to be gone is no harm.
      await job?.moveToCompleted(undefined, token, false).catch(() => undefined);
      return job;
    };
    // Most often there is none or one.
    const first = await next(0);
    if (first === undefined) return [];
    const more = await Promise.allSettled(
      Array.from({ length: count - 1 }, (_, at) => next(at + 1)),
    );
    const others = more.map((it) => (it.status === "fulfilled" ? it.value : undefined));
    return [first, ...others].flatMap((it) => (it === undefined ? [] : [it.data]));
  }
}

/** Of the queues and workers of one broker: they share its connection. */
function withoutOwnConnection(
  ...[name, options]: Parameters<typeof createRedisBackend>
): ReturnType<typeof createRedisBackend> {
  return createRedisBackend(name, options, {});
}

function connectionOptions({
  address,
  tls,
  name,
}: RedisBrokerOptions): Omit<RedisOptions, "replyMapping"> {
  const { host, port, database: db, user, password } = address;
  return {
    host,
    port,
    db,
    connectionName: name,
    connectTimeout: answerMs,
    retryStrategy: (times) => Math.min(times * 100, reconnectMaxMs),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(address.tls ? { tls: { ...present(tls ?? {}), servername: host } } : {}),
  };
}

/** Without what is undefined: the driver takes it for a value. */
function present(tls: NonNullable<RedisBrokerOptions["tls"]>): ConnectionOptions {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

/** All of them, even where one fails: none is left running. @throws the first failure. */
async function answered<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(asked);
  return await Promise.all(asked);
}

/** BullMQ takes no colons in names, and no numbers as ids. */
function bullName(queue: string): string {
  return encodeURIComponent(queue);
}

function idOf(attempt: string): string {
  return `try-${attempt}`;
}

function attemptOf(id: string): string {
  return id.slice("try-".length);
}

function channelOf(queue: string): string {
  return `${prefix}:news:${bullName(queue)}`;
}

function priorityOf(weight: number): number {
  return Math.min(2 * priorityMiddle, Math.max(1, priorityMiddle - weight));
}
