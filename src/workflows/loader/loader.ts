import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { IgnoreSyntax } from "#dag/ignore/ignore.ts";
import type { DagModel } from "#dag/model/model.ts";
import type { Database } from "#sql/database.ts";
import { replanDag } from "#workflows/scheduler/create-runs.ts";
import { wakeQueuedRuns } from "#workflows/state/runs.ts";
import {
  findDag,
  listDags,
  listImportErrors,
  retireDags,
  saveBundle,
  saveDag,
  setImportError,
  type BundleFiles,
} from "#workflows/state/dags.ts";
import { forgetRequests, requestedFiles } from "#workflows/state/parse-requests.ts";
import type { ParseResult } from "#workflows/worker/protocol.ts";
import { lineNaming, PlacedError, placeOf } from "#workflows/worker/error-place.ts";
import { namedFiles } from "#workflows/worker/folder-files.ts";
import { bundleHash } from "./bundles.ts";
import { Parser } from "./parser.ts";
import { scanFolder, stampOf, type DagFile } from "./scan.ts";
import type { WorkerCommand } from "#workflows/executor/worker-process.ts";

export interface LoaderOptions {
  readonly folder: string;
  readonly command: WorkerCommand;
  /** Between two looks at the whole folder; changes are seen at once where the system tells them. */
  readonly intervalMs: number;
  /** For one file. */
  readonly timeoutMs: number;
  readonly pausedAtCreation: boolean;
  readonly ignoreSyntax: IgnoreSyntax;
}

export interface LoaderPorts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Files read at the same time, so that one that hangs does not hold up the others. */
const parsersCount = 2;
/** Looks at the folder under way at a time; each waits for the files that it found. */
const looksMax = 8;
/** Between two looks at what was asked for, however much news there is. */
const requestsPauseMs = 250;
/** Editors write a file in several steps. */
const settleMs = 40;

interface Known {
  readonly stamp: string;
  /** Stamps of the files that it imports, by path. */
  readonly imports: ReadonlyMap<string, string | undefined>;
  /** What it looked for, and found. */
  readonly looked: ParseResult["looked"];
}

/** Keeps the DAGs of the database as the files of a folder declare them. */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #ports: LoaderPorts;
  readonly #known = new Map<string, Known>();
  /** Files that are being read. */
  readonly #reading = new Set<string>();
  #looks = 0;
  /** Asked for, and not looked for yet. */
  #hasNews = false;

  constructor(options: LoaderOptions, ports: LoaderPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#ports;
    let changed = Promise.withResolvers<undefined>();
    using stack = new DisposableStack();
    stack.use(
      this.#watch(() => {
        changed.resolve(undefined);
      }),
    );
    await using looks = new TaskGroup((error) => {
      throw error;
    });
    await using resources = new AsyncDisposableStack();
    const news = await this.#ports.database.listen(() => {
      if (this.#hasNews) return;
      this.#hasNews = true;
      looks.start(async () => {
        await clock.sleep(requestsPauseMs, signal).catch(() => undefined);
        this.#hasNews = false;
        if (!isAborted(signal) && (await this.#takeRequests())) changed.resolve(undefined);
      });
    });
    resources.use(news);
    while (!signal.aborted) {
      changed = Promise.withResolvers();
      // Not awaited: a file that takes long must not keep changes of others waiting.
      looks.start(async () => {
        try {
          if (await this.load(signal)) changed.resolve(undefined);
        } catch (error) {
          if (isAborted(signal)) return;
          log.error("cannot read the folder of DAGs", { error: error as Error });
        }
      });
      const over = new AbortController();
      const timer = clock
        .sleep(this.#options.intervalMs, AbortSignal.any([signal, over.signal]))
        .catch(() => undefined);
      await Promise.race([changed.promise, timer]);
      over.abort();
      await clock.sleep(settleMs, signal).catch(() => undefined);
    }
  }

  /** Forgets files that somebody wants to be read again. @returns whether there are any. */
  async #takeRequests(): Promise<boolean> {
    const { database, log } = this.#ports;
    try {
      const files = await requestedFiles(database);
      if (files.length === 0) return false;
      for (const file of files) this.#known.delete(file);
      await database.transaction((queries) => forgetRequests(queries, files));
      return true;
    } catch (error) {
      log.error("cannot see which files are to be read again", { error: error as Error });
      return false;
    }
  }

  /** Reads what is new or has changed, once. @returns whether it was anything. */
  async load(signal: AbortSignal): Promise<boolean> {
    if (this.#looks >= looksMax) return false;
    this.#looks += 1;
    try {
      return await this.#load(signal);
    } finally {
      this.#looks -= 1;
    }
  }

  async #load(signal: AbortSignal): Promise<boolean> {
    const { folder, command, timeoutMs } = this.#options;
    const files = scanFolder(folder, this.#options.ignoreSyntax);
    await this.#retire(files);
    const found = files.filter((it) => !this.#reading.has(it.path) && this.#isChanged(it));
    for (const { path } of found) this.#reading.add(path);
    const waiting = [...found];
    try {
      await Promise.all(
        Array.from({ length: Math.min(parsersCount, waiting.length) }, async () => {
          using parser = new Parser(command, this.#ports.clock, timeoutMs);
          for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
            signal.throwIfAborted();
            await this.#read(parser, file, files, signal);
            this.#reading.delete(file.path);
          }
        }),
      );
    } finally {
      for (const { path } of found) this.#reading.delete(path);
    }
    return found.length > 0;
  }

  #watch(changed: () => void): Disposable {
    try {
      const watcher = watch(this.#options.folder, { recursive: true }, changed);
      watcher.on("error", () => undefined);
      return {
        [Symbol.dispose]() {
          watcher.close();
        },
      };
    } catch (error) {
      this.#ports.log.info("changed files are seen at the interval only", {
        error: error as Error,
      });
      return { [Symbol.dispose]: () => undefined };
    }
  }

  #isChanged(file: DagFile): boolean {
    const known = this.#known.get(file.path);
    if (known?.stamp !== file.stamp) return true;
    const { folder } = this.#options;
    if ([...known.imports].some(([path, stamp]) => stampOf(join(folder, path)) !== stamp)) {
      return true;
    }
    return Object.entries(known.looked).some(
      ([pattern, found]) => namedFiles(folder, pattern).join("\n") !== found.join("\n"),
    );
  }

  async #read(
    parser: Parser,
    file: DagFile,
    all: readonly DagFile[],
    signal: AbortSignal,
  ): Promise<void> {
    const { folder } = this.#options;
    const result = await parser.parse(folder, file.path, signal);
    await this.#store(file.path, result, new Set(all.map((it) => it.path)));
    const stamps = Object.keys(result.files).map(
      (path) => [path, stampOf(join(folder, path))] as const,
    );
    const { looked } = result;
    this.#known.set(file.path, { stamp: file.stamp, imports: new Map(stamps), looked });
  }

  async #store(file: string, result: ParseResult, all: ReadonlySet<string>): Promise<void> {
    const { database, clock, log } = this.#ports;
    const now = clock.now();
    if (result.kind === "error") {
      const { message, line } = result;
      log.error("a DAG file is broken", { file, line, reason: message });
      await database.transaction((queries) =>
        setImportError(queries, file, { message, line }, now),
      );
      await database.notify();
      return;
    }
    try {
      await this.#save(file, result.dags, result.files, all);
    } catch (error) {
      const { message, line } = placeOf(
        error,
        { folder: this.#options.folder, file },
        result.files,
      );
      await database.transaction((queries) =>
        setImportError(queries, file, { message, line }, now),
      );
    }
    await database.notify();
  }

  async #save(
    file: string,
    models: readonly DagModel[],
    files: BundleFiles,
    all: ReadonlySet<string>,
  ): Promise<void> {
    const { database, clock } = this.#ports;
    const { pausedAtCreation } = this.#options;
    const now = clock.now();
    const bundle = bundleHash(files);
    await database.transaction(async (queries) => {
      await saveBundle(queries, bundle, files);
      for (const model of models) {
        const other = await findDag(queries, model.id);
        if (other?.active === true && other.file !== file && all.has(other.file)) {
          const line = lineNaming(files[file], model.id);
          throw new PlacedError(`DAG '${model.id}' is declared in ${other.file} too`, line);
        }
        const hash = createHash("sha256").update(bundle).update(JSON.stringify(model));
        const declared = { model, file, bundle, hash: hash.digest("hex").slice(0, 32) };
        await saveDag(queries, declared, { now, pausedAtCreation });
        const row = await findDag(queries, model.id);
        if (row !== undefined) await replanDag({ queries, now }, row);
        await wakeQueuedRuns(queries, model.id);
      }
      const kept = models.map((it) => it.id);
      await retireDags(queries, file, kept);
      await setImportError(queries, file, undefined, now);
    }, true);
  }

  /** Files that are gone take their DAGs and errors with them. */
  async #retire(files: readonly DagFile[]): Promise<void> {
    const { database, clock } = this.#ports;
    const paths = new Set(files.map((it) => it.path));
    const stored = [
      ...(await listDags(database)).map((it) => it.file),
      ...(await listImportErrors(database)).map((it) => it.file),
    ];
    for (const file of new Set(stored.filter((it) => !paths.has(it)))) {
      this.#known.delete(file);
      await database.transaction(async (queries) => {
        await retireDags(queries, file, []);
        await setImportError(queries, file, undefined, clock.now());
      });
    }
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
