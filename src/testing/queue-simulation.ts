import assert from "node:assert/strict";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom, type Random } from "#base/random.ts";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import type { Broker, QueuedJob, QueuedTry } from "#workflows/broker/broker.ts";
import { CeleryExecutor } from "#workflows/executor/celery/executor.ts";
import type { RemoteEvents } from "#workflows/remote/endpoint.ts";
import type { AttemptResult, Job } from "#workflows/worker/protocol.ts";

const parallelism = 6;
const workersCount = 4;
/** How long a lost worker may stay unnoticed once its connection has ended; steps are this coarse. */
const noticedMs = 3_000;
const stepMsMax = 700;

/** Faults of a broker, each of so many messages in a hundred. */
class FaultyBroker implements Broker {
  readonly messages: { readonly job: QueuedJob; readonly from: number }[] = [];
  readonly #random: Random;
  readonly #clock: FakeClock;
  isFaulty = true;
  isAway = false;
  faults = 0;

  constructor(random: Random, clock: FakeClock) {
    this.#random = random;
    this.#clock = clock;
  }

  async put(job: QueuedJob): Promise<void> {
    this.#answer();
    this.#drop(job);
    if (this.#happens(10)) return;
    const from = this.#clock.now() + (this.#happens(10) ? this.#random.next() * 20_000 : 0);
    this.messages.push({ job, from });
    if (this.#happens(10)) this.messages.push({ job, from });
    // It is stored, but nobody is told.
    if (this.#happens(5)) throw new Error("the connection is lost");
  }

  async take(queues: readonly string[], count: number): Promise<readonly QueuedJob[]> {
    this.#answer();
    const ready = this.messages.filter(
      (it) => it.from <= this.#clock.now() && queues.includes(it.job.queue),
    );
    const taken = ready.slice(0, count);
    for (const it of taken) this.messages.splice(this.messages.indexOf(it), 1);
    return taken.map((it) => it.job);
  }

  async waiting(tries: readonly QueuedTry[]): Promise<ReadonlySet<string>> {
    this.#answer();
    const wanted = new Set(tries.map((it) => it.attempt));
    const there = this.messages.map((it) => it.job.attempt).filter((it) => wanted.has(it));
    return new Set(there);
  }

  async remove(it: QueuedTry): Promise<void> {
    this.#answer();
    this.#drop(it);
  }

  async listen(): Promise<AsyncDisposable> {
    return new AsyncDisposableStack();
  }

  empty(): void {
    this.faults += 1;
    this.messages.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.messages.length = 0;
  }

  #answer(): void {
    if (this.isAway || this.#happens(3)) throw new Error("the broker cannot be reached");
  }

  #drop({ attempt }: QueuedTry): void {
    for (const it of this.messages.filter(({ job }) => job.attempt === attempt)) {
      this.messages.splice(this.messages.indexOf(it), 1);
    }
  }

  #happens(percent: number): boolean {
    const happens = this.isFaulty && this.#random.next() * 100 < percent;
    if (happens) this.faults += 1;
    return happens;
  }
}

/** Where workers come: who comes for a try first has it. */
class SimulatedEndpoint {
  readonly schedulers = [{ url: "http://scheduler" }];
  readonly #expected = new Map<string, RemoteEvents>();
  readonly #claims = new Map<string, number>();

  async token(): Promise<string> {
    return "token";
  }

  expect(job: Job, events: RemoteEvents): void {
    this.#expected.set(job.attempt, events);
  }

  forget(attempt: string): void {
    this.#expected.delete(attempt);
  }

  /** Undefined for one who is not wanted. */
  come(attempt: string, worker: number): RemoteEvents | undefined {
    const events = this.#expected.get(attempt);
    if (events === undefined || (this.#claims.get(attempt) ?? worker) !== worker) return undefined;
    this.#claims.set(attempt, worker);
    events.connected();
    return events;
  }
}

interface Working {
  readonly attempt: string;
  readonly events: RemoteEvents;
}

export interface QueueFigures {
  readonly tries: number;
  readonly faults: number;
  readonly deaths: number;
  /** Workers that were sent away, since another has the try or it is over. */
  readonly refused: number;
}

/**
 * Runs tasks over a broker that loses, doubles and delays messages, is emptied and away, with workers
 * that die at any moment. @throws {AssertionError} when a task is lost or runs twice at a time.
 */
export async function simulateQueue(seed: number, tasks: number): Promise<QueueFigures> {
  const simulation = new QueueSimulation(seed, tasks);
  try {
    return await simulation.run();
  } finally {
    await simulation.end();
  }
}

class QueueSimulation {
  readonly #random: Random;
  readonly #clock = new FakeClock(1_000_000);
  readonly #broker: FaultyBroker;
  readonly #endpoint = new SimulatedEndpoint();
  readonly #executor: CeleryExecutor;
  readonly #waiting: number[];
  /** Attempts that are open, with their task. */
  readonly #open = new Map<string, number>();
  readonly #workers = new Map<number, Working | undefined>();
  readonly #lostAt = new Map<string, number>();
  readonly #done = new Set<number>();
  readonly #ran = new Set<string>();
  #names = 0;
  #tries = 0;
  #deaths = 0;
  #refused = 0;

  constructor(seed: number, tasks: number) {
    this.#random = seededRandom(seed);
    this.#broker = new FaultyBroker(this.#random, this.#clock);
    this.#waiting = Array.from({ length: tasks }, (_, at) => at);
    const ports = {
      broker: this.#broker,
      endpoint: this.#endpoint,
      clock: this.#clock,
      log: silentLogger,
    };
    const settings = { parallelism, queuedTimeoutMs: 600_000 };
    this.#executor = new CeleryExecutor(settings, ports, {
      ended: (job, result, stored) => {
        this.#ended(job.attempt, result);
        stored?.();
      },
      ask: () => Promise.reject(new Error("nothing is asked")),
    });
    for (let count = 0; count < workersCount; count += 1) this.#join();
  }

  async run(): Promise<QueueFigures> {
    const tasks = this.#waiting.length;
    for (let step = 0; this.#done.size < tasks; step += 1) {
      assert.ok(step < tasks * 100, `${this.#done.size} of ${tasks} tasks have ended`);
      await this.#step(step);
    }
    assert.deepEqual(this.#executor.attempts(), [], "nothing is left under way");
    const faults = this.#broker.faults;
    return { tries: this.#tries, faults, deaths: this.#deaths, refused: this.#refused };
  }

  async end(): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
  }

  async #step(step: number): Promise<void> {
    this.#startMore();
    // Now and then it is away for two hundred steps.
    this.#broker.isAway = step % 1_000 > 800;
    if (this.#chance(0.005)) this.#broker.empty();
    for (const worker of [...this.#workers.keys()]) await this.#act(worker);
    await this.#clock.advance(Math.floor(this.#random.next() * stepMsMax));
    await settle();
    for (const at of this.#lostAt.values()) {
      const ms = this.#clock.monotonic() - at;
      assert.ok(ms <= noticedMs + 2 * stepMsMax, `a worker is lost for ${ms} ms`);
    }
  }

  #startMore(): void {
    while (this.#executor.free() > 0) {
      const task = this.#waiting.shift();
      if (task === undefined) break;
      this.#tries += 1;
      const attempt = `try-${this.#tries}`;
      this.#open.set(attempt, task);
      this.#executor.start(jobOf(attempt));
    }
    assert.ok(this.#executor.free() >= 0, "no more is under way than may be");
  }

  async #act(worker: number): Promise<void> {
    const working = this.#workers.get(worker);
    if (working !== undefined) this.#work(worker, working);
    else if (this.#chance(0.4)) await this.#take(worker);
  }

  async #take(worker: number): Promise<void> {
    const taken = await this.#broker.take(["default"], 1).catch(() => []);
    for (const { attempt } of taken) {
      // Dies with the message.
      if (this.#chance(0.1)) {
        this.#die(worker);
        return;
      }
      const events = this.#endpoint.come(attempt, worker);
      if (events === undefined) {
        this.#refused += 1;
        continue;
      }
      assert.ok(!this.#ran.has(attempt), `${attempt} is run twice`);
      this.#ran.add(attempt);
      this.#workers.set(worker, { attempt, events });
    }
  }

  #work(worker: number, { attempt, events }: Working): void {
    const chance = this.#random.next();
    if (chance < 0.05) {
      this.#die(worker);
      this.#lostAt.set(attempt, this.#clock.monotonic());
      events.silent();
    } else if (chance < 0.1) {
      // Its connection broke; it is here again before it is missed.
      events.silent();
      assert.ok(this.#endpoint.come(attempt, worker), "a worker may come back");
    } else if (chance < 0.4) {
      this.#workers.set(worker, undefined);
      const isGood = this.#chance(0.9);
      const failed = { kind: "failed", error: "it failed", retry: true } as const;
      events.ended(isGood ? { kind: "success", outputs: [] } : failed, () => undefined);
    }
  }

  #ended(attempt: string, result: AttemptResult): void {
    const task = this.#open.get(attempt);
    assert.ok(task !== undefined, `${attempt} ends once`);
    this.#open.delete(attempt);
    this.#lostAt.delete(attempt);
    assert.ok(!this.#done.has(task), "a task succeeds once");
    if (result.kind === "success") this.#done.add(task);
    else this.#waiting.push(task);
  }

  #die(worker: number): void {
    this.#deaths += 1;
    this.#workers.delete(worker);
    this.#join();
  }

  #join(): void {
    this.#names += 1;
    this.#workers.set(this.#names, undefined);
  }

  #chance(chance: number): boolean {
    return this.#random.next() < chance;
  }
}

/** Lets what was woken run up to its next wait for the clock. */
async function settle(): Promise<void> {
  for (let count = 0; count < 30; count += 1) await Promise.resolve();
}

function jobOf(attempt: string): Job {
  const { model } = dag("queue", {}, () => {
    bash("one", { command: "true" });
  });
  const [task] = model.tasks;
  assert.ok(task);
  return {
    attempt,
    ...{ dagId: "queue", runId: "run", taskId: task.id, mapIndex: -1, tryNumber: 1, maxTries: 0 },
    task,
    run: {
      ...{ runType: "manual", logicalDate: 0, intervalStart: 0, intervalEnd: 0, startedAt: 0 },
      ...{ timeZone: "UTC", conf: {}, params: {} },
    },
    code: undefined,
    logFile: undefined,
    freshFrom: 0,
    firstStartedAt: 0,
  };
}
