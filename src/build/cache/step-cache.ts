import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { TreeLayer } from "#build/tree/layered.ts";
import type { StepKey } from "./key.ts";
import type { CacheLayout } from "./layout.ts";
import type { Session } from "./session.ts";

/** A layer as it is in an image. */
export interface StoredLayer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** The digest of what is compressed in it. */
  readonly diffId: string;
}

/** What one step has made. */
export interface StepRecord {
  readonly key: StepKey;
  /** Name of its directory below the layout's layers: short, since a mount names many. */
  readonly directory: string;
  /** See `TreeLayer`. */
  readonly opaque: readonly string[];
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** For people who look. */
  readonly title: string;
  /** The layer of an image that it is, by the epoch it was made with; `none` for without. */
  readonly layers: Readonly<Record<string, StoredLayer>>;
}

export interface NewStep {
  readonly key: StepKey;
  readonly title: string;
  readonly opaque: readonly string[];
  readonly sizeBytes: number;
  readonly layers?: StepRecord["layers"];
  /** Of a step that another machine made; undefined for now. */
  readonly createdAt?: number;
}

const directoryLength = 12;
/** What a step takes besides its files, so that empty ones have a bound too. */
const stepBytes = 4_096;
const temporarySuffix = ".new-";

/**
 * Results of steps on disk. A record is written after the files that it is about, so what is found
 * is whole. Several builds may use it at a time; what one uses it marks in its session, and no
 * other removes it.
 */
export class StepCache {
  readonly #layout: CacheLayout;
  readonly #clock: Clock;

  constructor(layout: CacheLayout, clock: Clock) {
    this.#layout = layout;
    this.#clock = clock;
  }

  /** Undefined when nothing is known under the key. What is found is kept until the session ends. */
  find(key: StepKey, session: Session): StepRecord | undefined {
    session.use(key);
    const record = this.#read(key);
    if (record === undefined || !existsSync(join(this.#layout.layers, record.directory)))
      return undefined;
    this.#touch(key);
    return record;
  }

  /** {@link find} by another key; see {@link addAlias}. */
  findAlias(alias: StepKey, session: Session): StepRecord | undefined {
    try {
      return this.find(readFileSync(join(this.#layout.aliases, alias), "utf8"), session);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Takes a directory's files in as what a step has made. One that is there already stays. */
  add(step: NewStep, files: string, session: Session): StepRecord {
    session.use(step.key);
    const known = this.find(step.key, session);
    if (known !== undefined) return known;
    const directory = step.key.slice(0, directoryLength);
    const at = join(this.#layout.layers, directory);
    // Left by a build that was killed between the two.
    rmSync(at, { recursive: true, force: true });
    renameSync(files, at);
    const record: StepRecord = { layers: {}, createdAt: this.#clock.now(), ...step, directory };
    this.#write(record);
    return record;
  }

  addAlias(alias: StepKey, key: StepKey): void {
    writeWhole(join(this.#layout.aliases, alias), key);
  }

  /** Remembers which layer of an image a step's files are. */
  addLayer(key: StepKey, epoch: string, layer: StoredLayer): void {
    const record = this.#read(key);
    if (record !== undefined) {
      this.#write({ ...record, layers: { ...record.layers, [epoch]: layer } });
    }
  }

  /** How trees and mounts see it. */
  treeLayer(record: StepRecord): TreeLayer {
    return {
      directory: join(this.#layout.layers, record.directory),
      opaque: new Set(record.opaque),
    };
  }

  /**
   * Removes what was not used for longest until the rest has at most so many bytes. What a running
   * build uses stays.
   */
  shrink(bytesMax: number, isUsed: (key: StepKey) => boolean): { readonly freedBytes: number } {
    const records = this.#keys().flatMap((name) => {
      const record = this.#read(name);
      return record === undefined ? [] : [{ record, usedAt: this.#usedAt(name) }];
    });
    let total = records.reduce((sum, { record }) => sum + record.sizeBytes + stepBytes, 0);
    const before = total;
    for (const { record } of records.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= bytesMax) break;
      if (isUsed(record.key)) continue;
      rmSync(this.#recordPath(record.key), { force: true });
      rmSync(join(this.#layout.layers, record.directory), { recursive: true, force: true });
      total -= record.sizeBytes + stepBytes;
    }
    if (total < before) this.#removeLostAliases();
    return { freedBytes: before - total };
  }

  /** Removes directories that no record is about: those of builds that were killed. */
  removeLost(isUsed: (key: StepKey) => boolean): void {
    const known = new Set(this.#keys().map((it) => it.slice(0, directoryLength)));
    for (const name of readdirSync(this.#layout.layers)) {
      if (known.has(name) || isUsed(name)) continue;
      rmSync(join(this.#layout.layers, name), { recursive: true, force: true });
    }
  }

  #keys(): StepKey[] {
    return readdirSync(this.#layout.records).filter((it) => !it.includes(temporarySuffix));
  }

  #removeLostAliases(): void {
    for (const name of readdirSync(this.#layout.aliases)) {
      const path = join(this.#layout.aliases, name);
      if (!existsSync(this.#recordPath(readFileSync(path, "utf8")))) rmSync(path, { force: true });
    }
  }

  #usedAt(key: StepKey): number {
    return statSync(this.#recordPath(key), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  #read(key: StepKey): StepRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#recordPath(key), "utf8")) as StepRecord;
    } catch (error) {
      // A machine that lost its power may leave an empty file.
      if (isMissing(error) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #write(record: StepRecord): void {
    writeWhole(this.#recordPath(record.key), JSON.stringify(record));
    this.#touch(record.key);
  }

  /** Notes that a step was used now. */
  #touch(key: StepKey): void {
    const now = this.#clock.now() / 1000;
    utimesSync(this.#recordPath(key), now, now);
  }

  #recordPath(key: StepKey): string {
    return join(this.#layout.records, key);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** Under its name there is the old content or the new, never a part. */
function writeWhole(path: string, content: string): void {
  const temporary = `${path}${temporarySuffix}${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
