import { WorkerCalls } from "#workflows/executor/worker-calls.ts";
import type { WorkerCommand } from "#workflows/executor/worker-process.ts";
import {
  clearImportError,
  findDag,
  findVersion,
  setImportError,
  setNext,
} from "#workflows/state/dags.ts";
import {
  endQuestion,
  postponeQuestion,
  takeQuestion,
  type TimetableQuestionRow,
} from "#workflows/state/timetable-questions.ts";
import type { TimetableResult } from "#workflows/worker/protocol.ts";
import type { JobPlaces } from "./jobs.ts";
import type { SchedulerWorld } from "./world.ts";

/** Time for an author's timetable to say when the next run is; then its process is killed. */
const answerTimeoutMs = 10_000;
/** Before one that failed is asked again, if its file does not change earlier. */
const againMs = 300_000;
/** A question that was taken this long ago was lost with who took it. */
const lostMs = 30_000;
/** Longest time between two looks, for questions that were lost, and after one that failed. */
const idleMs = 30_000;

/** Asks the timetables of DAG files, outside of the scheduler, when the next runs are. */
export class TimetableRunner {
  readonly #world: SchedulerWorld;
  readonly #places: JobPlaces;
  readonly #command: WorkerCommand;
  #news = Promise.withResolvers<undefined>();

  constructor(world: SchedulerWorld, places: JobPlaces, command: WorkerCommand) {
    this.#world = world;
    this.#places = places;
    this.#command = command;
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { database, clock, log } = this.#world;
    using calls = new WorkerCalls<TimetableResult>(this.#command, clock, {
      timeoutMs: answerTimeoutMs,
      answerOf: (message) =>
        message.kind === "timetable" ? { id: message.id, answer: message.result } : undefined,
      late: () => failure(`it took longer than ${answerTimeoutMs / 1_000} seconds`),
      died: (how) => failure(`it ended its process: ${how}`),
    });
    await using stack = new AsyncDisposableStack();
    stack.use(
      await database.listen(() => {
        this.wake();
      }),
    );
    while (!signal.aborted) {
      this.#news = Promise.withResolvers();
      try {
        const now = clock.now();
        const taken = await database.transaction(
          (queries) => takeQuestion(queries, now, now - lostMs),
          true,
        );
        if (taken === undefined) await this.#wait(signal);
        else await this.#ask(calls, taken, signal);
      } catch (error) {
        if (error === signal.reason) return;
        log.error("a timetable could not be asked", { error: error as Error });
        await this.#wait(signal);
      }
    }
  }

  /** Has it look whether there is something to ask. */
  wake(): void {
    this.#news.resolve(undefined);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const timer = this.#world.clock.sleep(idleMs, both).catch(() => undefined);
    await Promise.race([timer, this.#news.promise]);
    over.abort(new Error("the wait is over"));
  }

  async #ask(
    calls: WorkerCalls<TimetableResult>,
    taken: TimetableQuestionRow,
    signal: AbortSignal,
  ): Promise<void> {
    const { database, clock, log } = this.#world;
    const { dagId } = taken;
    const dag = await findDag(database, dagId);
    const version = dag && (await findVersion(database, dagId, dag.version));
    if (dag === undefined || version === undefined) {
      await endQuestion(database, taken);
      return;
    }
    const { bundles, dagsFolder } = this.#places;
    const bundleFolder = await bundles.folderOf(database, version.bundle);
    const { startDate: earliest, endDate: latest, catchup } = version.model;
    const at = { now: clock.now(), last: dag.last, earliest, latest, catchup };
    const question = { code: { bundleFolder, file: version.file, dagsFolder }, dagId, at };
    const result = await calls.call((id) => ({ kind: "timetable", id, question }), signal);
    const now = clock.now();
    await database.transaction(async (queries) => {
      if (result.kind === "next") {
        if (!(await endQuestion(queries, taken))) return;
        await setNext(queries, dagId, result.next, dag.last);
        await clearImportError(queries, dag.file, `${aboutTimetable(dagId)}%`);
        return;
      }
      await postponeQuestion(queries, taken, now + againMs - lostMs);
      log.error("a timetable is broken", { dag: dagId, file: dag.file, reason: result.message });
      const message = `${aboutTimetable(dagId)} ${result.message}`;
      await setImportError(queries, dag.file, { ...result, message }, now);
    }, true);
    await database.notify();
  }
}

function aboutTimetable(dagId: string): string {
  return `the timetable of DAG ${dagId}:`;
}

function failure(message: string): TimetableResult {
  return { kind: "error", message, line: undefined };
}
