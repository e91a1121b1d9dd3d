import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { isDigest } from "#oci/digest.ts";
import { RemoteError, type RemoteManifest, type RemoteRegistry } from "#images/client/remote.ts";
import { MissingContentError, type ImageStore } from "#images/store/image-store.ts";
import { Refusal } from "#registry/http/refusal.ts";
import type { Mirror, MirroredManifest } from "./mirror.ts";
import type { MirroredTags } from "./mirrored-tags.ts";

/** The other registry is asked for a tag at most so often; in between the tag here counts. */
const tagFreshMs = 60_000;
const tagsRememberedMax = 10_000;
/** Manifests whose layers are still to come; they are in memory. */
const waitingMax = 100;
/** A manifest is small: an answer that takes longer will not come. */
const manifestMs = 30_000;

export interface PullThroughOptions {
  readonly store: ImageStore;
  readonly remote: RemoteRegistry;
  /** `docker.io`: images are kept as `docker.io/library/nginx`. */
  readonly domain: string;
  /**
   * Which tags of the store are the mirror's, where others are given here: those go before the other
   * registry's and stay as they are. Undefined: all are the mirror's.
   */
  readonly tags?: MirroredTags | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of what is asked for, whoever waits for it. */
  readonly signal: AbortSignal;
}

interface WaitingManifest {
  readonly repository: string;
  readonly found: RemoteManifest;
  readonly tags: readonly string[];
}

/**
 * A mirror of one registry. A manifest is served as soon as it is here; its layers come when they are
 * asked for, each once however many wait, and are served when they are whole and verified. While the
 * other registry does not answer, what is here is served.
 */
export class PullThrough implements Mirror {
  readonly #options: PullThroughOptions;
  readonly #underWay = new Map<string, Promise<void>>();
  /** Names of tags to when they were last asked for. */
  readonly #askedAt = new Map<string, number>();
  /** The same names to manifests that wait for their layers. */
  readonly #waiting = new Map<string, WaitingManifest>();

  constructor(options: PullThroughOptions) {
    this.#options = options;
  }

  get domain(): string {
    return this.#options.domain;
  }

  async fetchManifest(
    repository: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<MirroredManifest | undefined> {
    const path = this.#pathOf(repository);
    if (path === undefined) return undefined;
    const key = `${repository} ${reference}`;
    const { clock, store, log, tags } = this.#options;
    const here = store.findManifest(repository, reference);
    const isHere = here !== undefined;
    if (isHere && tags?.has(repository, reference, here.digest) === false) return undefined;
    const askedAt = this.#askedAt.get(key) ?? -Infinity;
    if (!isHere || clock.monotonic() - askedAt >= tagFreshMs) {
      try {
        await this.#once(key, signal, () => this.#bringManifest({ repository, path, reference }));
        if (this.#askedAt.size >= tagsRememberedMax) this.#askedAt.clear();
        this.#askedAt.set(key, clock.monotonic());
      } catch (error) {
        signal.throwIfAborted();
        const image = `${repository} ${reference}`;
        log.error("mirror: no manifest from the other registry", { image, error: error as Error });
        if (!isHere) throw unreachable(error);
      }
    }
    const waiting = this.#waiting.get(key);
    return waiting?.found;
  }

  async fetchBlob(repository: string, digest: string, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(repository);
    if (path === undefined) return;
    try {
      await this.#once(digest, signal, () => this.#bringBlob({ repository, path, digest }));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RemoteError && error.status === 404) return;
      this.#options.log.error("mirror: no blob from the other registry", {
        digest,
        error: error as Error,
      });
      throw unreachable(error);
    }
    // Whoever waited may ask in another repository than the one that brought it.
    if (!this.#options.store.hasLink(repository, digest)) {
      await this.#options.store.link(repository, digest);
    }
  }

  async #bringManifest(at: {
    readonly repository: string;
    readonly path: string;
    readonly reference: string;
  }): Promise<void> {
    const { remote } = this.#options;
    const { repository, path, reference } = at;
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(manifestMs)]);
    const found = await remote.getManifest(path, reference, signal);
    const key = `${repository} ${reference}`;
    this.#waiting.delete(key);
    if (found === undefined) return;
    const waiting = { repository, found, tags: isDigest(reference) ? [] : [reference] };
    if (await this.#keep(waiting)) return;
    if (this.#waiting.size >= waitingMax) this.#waiting.clear();
    this.#waiting.set(key, waiting);
  }

  /** False while something is missing that the manifest points to. */
  async #keep({ repository, found, tags }: WaitingManifest): Promise<boolean> {
    const { bytes, mediaType, digest: expected } = found;
    const put = { repository, bytes, mediaType, expected, tags };
    try {
      await this.#options.store.putManifest({ ...put, allowMissing: "manifests" });
      for (const tag of tags) await this.#options.tags?.add(repository, tag, expected);
      return true;
    } catch (error) {
      if (error instanceof MissingContentError) return false;
      throw error;
    }
  }

  async #bringBlob(at: {
    readonly repository: string;
    readonly path: string;
    readonly digest: string;
  }): Promise<void> {
    const { store, remote, signal } = this.#options;
    const { repository, path, digest } = at;
    if ((await store.findBlob(digest)) !== undefined) return;
    const content = await remote.getBlob(path, digest, signal);
    await store.writeBlob(content, { expected: digest, repository }, signal);
    for (const [key, waiting] of this.#waiting) {
      if (waiting.found.bytes.includes(digest) && (await this.#keep(waiting))) {
        this.#waiting.delete(key);
      }
    }
  }

  /** One for all who ask at the same time; one who goes away does not end it for the others. */
  async #once(key: string, signal: AbortSignal, start: () => Promise<void>): Promise<void> {
    let running = this.#underWay.get(key);
    if (running === undefined) {
      running = start().finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, running);
    }
    await orAborted(running, signal);
  }

  /** The name at the other registry; undefined for images of others. */
  #pathOf(repository: string): string | undefined {
    const prefix = `${this.#options.domain}/`;
    return repository.startsWith(prefix) ? repository.slice(prefix.length) : undefined;
  }
}

function unreachable(error: unknown): Refusal {
  const status = error instanceof RemoteError && error.status === 429 ? 429 : 502;
  const code = status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  return new Refusal(status, code, "the mirrored registry did not give it; the log says why");
}

function orAborted(running: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    running
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener("abort", onAbort);
      })
      .catch(() => undefined);
  });
}
