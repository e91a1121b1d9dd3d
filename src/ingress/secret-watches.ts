import type { Secret } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informer } from "#client/informer.ts";
import { secrets } from "#client/kinds.ts";
import { splitKey } from "#client/object-key.ts";
import { readCertificate } from "./certificate.ts";
import type { CertificateState } from "./model.ts";

export interface SecretWatchesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Watched {
  readonly informer: Informer<Secret>;
  readonly stop: AbortController;
  /** Read once for each version. */
  state: CertificateState | undefined;
}

/** For a Secret that is to be watched anew; later it counts as missing until it is seen. */
const firstSeenMsMax = 3_000;

/**
 * A watch of one object for each Secret with a certificate: to read those, one by one, is all the
 * right that a node has.
 */
export class SecretWatches implements AsyncDisposable {
  readonly #options: SecretWatchesOptions;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #tasks: TaskGroup;

  /** @param onChange hears when any of the certificates may be another. */
  constructor(options: SecretWatchesOptions, onChange: () => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#tasks = new TaskGroup((error) => {
      options.log.error("watch of a certificate stopped", { error: error as Error });
    });
  }

  /** Watches just these from now on. Resolves when all were seen, or after a moment. */
  async want(keys: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const [key, { stop }] of this.#watched) {
      if (keys.has(key)) continue;
      stop.abort(new Error("no Ingress refers to it"));
      this.#watched.delete(key);
    }
    const added = [...keys].filter((it) => !this.#watched.has(it)).map((it) => this.#watch(it));
    if (added.length === 0) return;
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    const all = Promise.all(added.map((it) => it.informer.synced(either)));
    const late = this.#options.clock.sleep(firstSeenMsMax, either);
    // Whichever comes second is aborted, and rejects with that.
    await Promise.race([all, late]).finally(() => {
      done.abort();
    });
    await Promise.allSettled([all, late]);
  }

  get(key: string): CertificateState {
    const watched = this.#watched.get(key);
    if (watched === undefined) return { kind: "missing" };
    watched.state ??= readCertificate(watched.informer.get(key));
    return watched.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#watched.clear();
  }

  #watch(key: string): Watched {
    const { namespace, name } = splitKey(key);
    const informer = new Informer<Secret>({
      ...this.#options,
      resource: secrets,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    const watched: Watched = { informer, stop: new AbortController(), state: undefined };
    this.#watched.set(key, watched);
    informer.subscribe(() => {
      watched.state = undefined;
      this.#onChange();
    });
    this.#tasks.start((signal) => informer.run(AbortSignal.any([signal, watched.stop.signal])));
    return watched;
  }
}
