import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { RegistryCache } from "#apiserver/cache/registry-cache.ts";
import type { WatchFanout, Watcher } from "#apiserver/cache/watch-fanout.ts";

const tickMs = 1_000;
/** Between the bookmarks of one watch. */
const bookmarkMs = 60_000;
/** A watch without `timeoutSeconds` ends after this and up to twice as long, as upstream. */
const timeoutMinMs = 1_800_000;

interface Timed {
  readonly watcher: Watcher;
  readonly fanout: WatchFanout;
  readonly endsAtMs: number;
  /** Undefined for a watch that wants no bookmarks. */
  bookmarkAtMs: number | undefined;
}

/** Sends bookmarks and ends watches whose time is up: one look a second at all of them. */
export class WatchTimers {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cache: RegistryCache;
  readonly #timed = new Set<Timed>();

  constructor(it: {
    readonly clock: Clock;
    readonly random: Random;
    readonly cache: RegistryCache;
  }) {
    this.#clock = it.clock;
    this.#random = it.random;
    this.#cache = it.cache;
  }

  /** Returns what ends the timing. */
  add(
    watcher: Watcher,
    fanout: WatchFanout,
    it: { readonly timeoutSeconds: number | undefined; readonly bookmarks: boolean },
  ): () => void {
    const now = this.#clock.monotonic();
    const timeoutMs =
      it.timeoutSeconds === undefined || it.timeoutSeconds === 0
        ? timeoutMinMs * (1 + this.#random.next())
        : it.timeoutSeconds * 1_000;
    const timed: Timed = {
      watcher,
      fanout,
      endsAtMs: now + timeoutMs,
      // Spread out, so that watches that began together do not speak together.
      bookmarkAtMs: it.bookmarks ? now + bookmarkMs * (0.75 + this.#random.next() / 4) : undefined,
    };
    this.#timed.add(timed);
    return () => {
      this.#timed.delete(timed);
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(tickMs, signal);
      const now = this.#clock.monotonic();
      for (const timed of this.#timed) this.#look(timed, now);
    }
  }

  #look(timed: Timed, now: number): void {
    const { watcher, fanout, endsAtMs, bookmarkAtMs } = timed;
    const isOver = now >= endsAtMs;
    if (bookmarkAtMs !== undefined && (isOver || now >= bookmarkAtMs)) {
      const revision = this.#cache.revision;
      const isSent = fanout.send(watcher, (writer) => writer.bookmark(revision, false));
      if (isSent) timed.bookmarkAtMs = now + bookmarkMs;
    }
    if (!isOver) return;
    this.#timed.delete(timed);
    fanout.endAfterDelivery(watcher);
  }
}
