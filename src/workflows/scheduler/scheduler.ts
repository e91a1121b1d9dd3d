import type { Json } from "#api/object.ts";
import { describeError } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { SqlError } from "#sql/database.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { instancesOf, type InstanceRow } from "#workflows/state/instances.ts";
import { addScheduler, touchScheduler, type SchedulerJob } from "#workflows/state/jobs.ts";
import { saveStanding, sweepWaits, type Standing } from "#workflows/state/standing.ts";
import type { WorkflowEvent } from "#workflows/state/events.ts";
import type { Job, Question } from "#workflows/worker/protocol.ts";
import { adoptOrphans, type Heir } from "./adopt.ts";
import { answer, type AnswerPorts } from "./answers.ts";
import { jobOf, type JobPlaces } from "./jobs.ts";
import { RunRecords } from "./run-records.ts";
import { Silence } from "./silence.ts";
import { wholeRoom } from "./turn-room.ts";
import { takeTurn, type TurnResult } from "./turn.ts";
import type { Ended } from "./turn-context.ts";
import type { SchedulerWorld } from "./world.ts";

/** Between two signs of life. */
const heartbeatMs = 2_000;
/** Longest time without a turn; everything known has its moment, this is for what is not. */
const idleMax = 5_000;
/** While more jobs than these are under way, the ends of several are waited for, */
const gatheredMin = 8;
/** but no longer than this since the turn before, */
const gatherMs = 5;
/** or, while so many jobs wait in this process that nobody misses others, */
const backlogMin = 8;
/** no longer than this. */
const backlogMs = 25;
/** After a turn that failed. */
const pauseMs = 250;

/** Between two tries to answer a task while the database is away. */
const answerPauseMs = 500;

/** Made once: its stack costs more than the wait. */
const waitIsOver = new Error("the wait is over");

export interface SchedulerPorts {
  readonly places: JobPlaces;
  readonly answers: AnswerPorts;
  readonly isAlive: (pid: number) => boolean;
  /** Told that callbacks are to be called. */
  readonly callbacksWait?: (() => void) | undefined;
  /** Told of each turn that was stored. */
  readonly observe?: ((turn: StoredTurn) => void) | undefined;
  /** Makes the executors, by name. @param scheduler the id of this scheduler. */
  readonly openExecutors: (events: JobEvents, scheduler: string) => ReadonlyMap<string, Executor>;
}

/** A turn that was stored. */
export interface StoredTurn {
  readonly events: readonly WorkflowEvent[];
  readonly seconds: number;
  /** How many more jobs each executor took before it. */
  readonly free: ReadonlyMap<string, number>;
}

/**
 * The scheduler of a process. Any number of them may use one database: each turn is a transaction
 * that excludes the others', and what it decides is checked against what it has read.
 */
export class Scheduler implements JobEvents {
  readonly #world: SchedulerWorld;
  readonly #ports: SchedulerPorts;
  readonly #records = new RunRecords();
  readonly #id: string;
  readonly #executors: ReadonlyMap<string, Executor>;
  readonly #silence = new Silence();
  /** Somebody may have decided about what runs here. */
  #fenceDue = false;
  readonly #ending = new AbortController();
  #inbox: Ended[] = [];
  /** As it was told last. */
  #standing: Standing | undefined;
  /** A turn failed, and nobody knows whether it was stored all the same. */
  #unsure = false;
  #news = Promise.withResolvers<undefined>();

  constructor(world: SchedulerWorld, ports: SchedulerPorts) {
    this.#world = world;
    this.#ports = ports;
    this.#id = world.newId();
    this.#executors = ports.openExecutors(this, this.#id);
  }

  ended(job: Job, result: Ended["result"], stored?: () => void): void {
    const { dagId, runId, taskId, mapIndex, attempt } = job;
    this.#inbox.push({ dagId, runId, taskId, mapIndex, attempt, result, stored });
    this.wake();
  }

  async ask(job: Job, question: Question): Promise<Json> {
    for (;;) {
      try {
        return await answer(this.#ports.answers, job, question);
      } catch (error) {
        // While the database is away the task waits, and is none the wiser.
        if (!(error instanceof SqlError) || !error.unavailable) throw error;
        if (!this.#attempts().includes(job.attempt)) throw error;
      }
      await this.#world.clock.sleep(answerPauseMs, this.#ending.signal);
    }
  }

  get id(): string {
    return this.#id;
  }

  /** Has a turn taken soon. */
  wake(): void {
    this.#news.resolve(undefined);
  }

  /** Goes on until the signal aborts; tasks that run then are given back to others. */
  async run(signal: AbortSignal): Promise<void> {
    const { database, log } = this.#world;
    await this.enter();
    await using stack = new AsyncDisposableStack();
    stack.use(
      await database.listen(() => {
        this.#fenceDue = true;
        this.#ports.callbacksWait?.();
        this.wake();
      }),
    );
    try {
      await using tasks = new TaskGroup((error) => {
        log.error("the heartbeat failed", { error: error as Error });
      });
      tasks.start((stop) => this.#beat(stop));
      await this.#turns(signal);
    } finally {
      this.#ending.abort(new Error("the scheduler ends"));
      await Promise.all([...this.#executors.values()].map((it) => it[Symbol.asyncDispose]()));
      await this.#handBack();
    }
  }

  /** Tells the others of this scheduler, and takes over from those that ended. */
  async enter(): Promise<void> {
    const { database, clock, host, pid } = this.#world;
    const now = clock.now();
    await addScheduler(database, { id: this.#id, host, pid, startedAt: now, seenAt: now });
    await sweepWaits(database);
    await this.#adopt();
  }

  async #turns(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#world;
    while (!signal.aborted) {
      this.#news = Promise.withResolvers();
      try {
        const wakeAt = await this.turn();
        const turnedAt = clock.monotonic();
        await this.#wait((wakeAt ?? Infinity) - clock.now(), signal);
        await this.#gather(turnedAt, signal);
      } catch (error) {
        if (isAborted(signal)) return;
        log.error("a turn failed and is taken again", { error: error as Error });
        await clock.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
  }

  /** Takes one turn. @returns when the next is due. @throws when it was undone; nothing is lost. */
  async turn(): Promise<number | undefined> {
    const ended = [...this.#inbox];
    const result = await this.#takeTurn(ended);
    this.#unsure = false;
    this.#inbox = this.#inbox.slice(ended.length);
    for (const it of ended) it.stored?.();
    await this.#dispatch(result);
    if (result.hasCallbacks) this.#ports.callbacksWait?.();
    if (this.#fenceDue) await this.#fence();
    return this.#inbox.length > 0 ? this.#world.clock.now() : result.wakeAt;
  }

  async #takeTurn(ended: readonly Ended[]): Promise<TurnResult> {
    const { database, clock, settings, host, pid } = this.#world;
    const free = new Map([...this.#executors].map(([name, it]) => [name, it.free()]));
    const records = this.#records;
    records.begin();
    const startedAt = clock.monotonic();
    let events: WorkflowEvent[] = [];
    try {
      const result = await database.transaction((queries) => {
        events = [];
        const now = clock.now();
        const newId = (): string => this.#world.newId();
        const own = {
          owner: this.#id,
          host,
          pid,
          settings,
          records,
          room: { ...(settings.turnRoom ?? wholeRoom) },
          events,
          outputs: [],
          assetEvents: [],
          callbacks: [],
          newId,
        };
        const known = this.#unsure ? this.#knownAttempts() : undefined;
        return takeTurn({ queries, now, ...own }, { ended, free, known });
      }, true);
      const seconds = (clock.monotonic() - startedAt) / 1_000;
      this.#ports.observe?.({ events, seconds, free });
      return result;
    } catch (error) {
      // What was changed in memory may not be what is stored.
      records.clear();
      this.#unsure = true;
      throw error;
    }
  }

  #knownAttempts(): ReadonlySet<string> {
    return new Set([...this.#attempts(), ...this.#inbox.map((it) => it.attempt)]);
  }

  #attempts(): readonly string[] {
    return [...this.#executors.values()].flatMap((it) => it.attempts());
  }

  async #dispatch(result: TurnResult): Promise<void> {
    const { database, log } = this.#world;
    for (const { attempt, reason } of result.stopped) {
      for (const executor of this.#executors.values()) executor.cancel(attempt, reason);
    }
    for (const { record, instance } of result.started) {
      try {
        const job = await jobOf(database, this.#ports.places, record, instance);
        this.#executorOf(instance)?.start(job);
      } catch (error) {
        log.error("a task cannot be started", { task: instance.taskId, error: error as Error });
        const { dagId, runId, taskId, mapIndex, attempt = "" } = instance;
        const failure = { kind: "failed", error: describeError(error), retry: true } as const;
        this.#inbox.push({ dagId, runId, taskId, mapIndex, attempt, result: failure });
      }
    }
    for (const record of result.finished) this.#records.forget(record.run);
  }

  /** Lets the ends of several jobs come together: a turn costs about the same for one or for many. */
  async #gather(turnedAt: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    while (!signal.aborted) {
      const left = this.#gatherMost() - (clock.monotonic() - turnedAt);
      if (left <= 0) return;
      this.#news = Promise.withResolvers();
      await this.#wait(left, signal);
    }
  }

  #gatherMost(): number {
    const executors = [...this.#executors.values()];
    const backlog = executors.reduce((sum, it) => sum + (it.backlog?.() ?? 0), 0);
    if (backlog >= backlogMin) return backlogMs;
    return this.#attempts().length > gatheredMin ? gatherMs : 0;
  }

  /** For so long, or until there is news. */
  async #wait(mostMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    const ms = Math.min(idleMax, Math.max(0, mostMs));
    const over = new AbortController();
    const timer = clock.sleep(ms, AbortSignal.any([signal, over.signal])).catch(() => undefined);
    await Promise.race([timer, this.#news.promise]);
    over.abort(waitIsOver);
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#world;
    while (!signal.aborted) {
      await clock.sleep(heartbeatMs, signal);
      try {
        await this.beat();
      } catch (error) {
        this.#silence.reset();
        log.error("a sign of life was not stored", { error: error as Error });
      }
    }
  }

  /** One sign of life, and a look at the others. */
  async beat(): Promise<void> {
    const { database, clock, host, pid } = this.#world;
    const now = clock.now();
    if (!(await touchScheduler(database, this.#id, now))) {
      // The others took it for dead: what runs here has been given to them.
      await addScheduler(database, { id: this.#id, host, pid, startedAt: now, seenAt: now });
      this.#records.clear();
      this.#standing = undefined;
    }
    await this.#tellStanding();
    await this.#fence();
    await this.#adopt();
  }

  /** Says what there is room for, and what is waited for. */
  async #tellStanding(): Promise<void> {
    const executors = [...this.#executors];
    const now = {
      free: new Map(executors.map(([name, it]) => [name, it.free()])),
      waits: new Map(executors.flatMap(([, it]) => [...(it.waits?.() ?? [])])),
    };
    const before = this.#standing;
    await this.#world.database.transaction((queries) =>
      saveStanding(queries, this.#id, now, before),
    );
    this.#standing = now;
  }

  /**
   * Ends the tries that are no longer what the database says: they were given to others while this
   * scheduler was silent, or somebody cleared them or set their state. Their results are refused.
   */
  async #fence(): Promise<void> {
    const running = this.#attempts();
    this.#fenceDue = false;
    if (running.length === 0) return;
    const rows = await instancesOf(this.#world.database, this.#id);
    const current = new Set(rows.map((it) => it.attempt));
    for (const attempt of running.filter((it) => !current.has(it))) {
      for (const executor of this.#executors.values()) {
        executor.cancel(attempt, "somebody else has decided about this try");
      }
    }
  }

  async #adopt(): Promise<void> {
    const { database, clock, host, log } = this.#world;
    const { isAlive } = this.#ports;
    const silent = (jobs: readonly SchedulerJob[]): readonly SchedulerJob[] =>
      this.#silence.observe(jobs, clock.monotonic());
    const heir = this.#heir();
    const own = { host, isAlive, silent, heir };
    const { dead, kept } = await adoptOrphans({ database, now: clock.now(), ...own });
    if (dead.length === 0) return;
    this.#ports.callbacksWait?.();
    log.info("took over from schedulers that ended", { count: dead.length, tasks: kept.length });
    const records = new RunRecords();
    for (const row of kept) {
      const record = await records.get(database, row);
      if (record === undefined) continue;
      this.#executorOf(row)?.adopt?.(await jobOf(database, this.#ports.places, record, row));
    }
    this.wake();
  }

  #heir(): Heir {
    return {
      id: this.#id,
      takes: (row) => this.#executorOf(row)?.outlives?.(row) ?? false,
    };
  }

  #executorOf(row: InstanceRow): Executor | undefined {
    return this.#executors.get(this.#world.settings.executorOf(row));
  }

  /**
   * At an orderly end nobody has to wait for this scheduler's silence. What outlives it keeps its name
   * until another takes it over.
   */
  async #handBack(): Promise<void> {
    const { database, clock, log } = this.#world;
    try {
      await database.run("update job set seen_at = 0 where id = ?", this.#id);
      const none = { host: "", isAlive: () => true, silent: () => [] };
      await adoptOrphans({ database, now: clock.now(), ...none, heir: this.#heir() });
      await database.notify();
    } catch (error) {
      log.error("what ran here is left to others", { error: error as Error });
    }
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
