import type { Clock } from "#base/clock.ts";
import type { StepKey } from "#build/cache/key.ts";
import type { CacheLayout } from "#build/cache/layout.ts";
import type { Session } from "#build/cache/session.ts";
import type { StepCache } from "#build/cache/step-cache.ts";
import type { GitAccess } from "#build/git/access.ts";
import type { RunLimits } from "#build/run/limits.ts";
import type { Platform } from "#build/stage/state.ts";
import type { ImageReference } from "#oci/reference.ts";
import type { ImageStore, Lease } from "#images/store/image-store.ts";
import type { BuildProgress } from "./progress.ts";

/** A file from the network. */
export interface Download {
  readonly content: AsyncIterable<Uint8Array>;
  /** Milliseconds since the epoch; undefined when the server does not say. */
  readonly lastModified: number | undefined;
}

export type PullImage = (
  reference: ImageReference,
  platform: Platform,
  signal: AbortSignal,
) => Promise<void>;

/** What a build works with. */
export interface BuildWorld {
  readonly store: ImageStore;
  readonly lease: Lease;
  readonly cache: StepCache;
  readonly layout: CacheLayout;
  readonly session: Session;
  readonly clock: Clock;
  readonly progress: BuildProgress;
  /** Makes the step cache find a step that one of `--cache-from` has. */
  readonly bringStep: (key: StepKey, signal: AbortSignal) => Promise<void>;
  /** @throws {Error} for anything but a file. */
  readonly download: (url: string, signal: AbortSignal) => Promise<Download>;
  /** What opens the repositories of ADD. */
  readonly gitAccess: GitAccess;
  /** Where the store keeps images of a name. */
  readonly repositoryOf: (reference: ImageReference) => string;
  /** Brings an image into the store from its registry. @throws {Error} when it has none. */
  readonly pull: PullImage;
}

/** What a build was asked for. */
export interface BuildOptions {
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly noCache: boolean;
  /** Names of stages of which every step is run: --no-cache-filter. */
  readonly noCacheStages: ReadonlySet<string>;
  /** Asks the registry for newer base images. */
  readonly pull: boolean;
  /** Contents by id. @throws {Error} when one cannot be read. */
  readonly secrets: ReadonlyMap<string, () => Promise<Buffer>>;
  /** Sockets of agents by id. */
  readonly sshSockets: ReadonlyMap<string, string>;
  /** --network: of RUNs that do not say one. */
  readonly network: "host" | "none";
  /** Lines of /etc/hosts. */
  readonly extraHosts: readonly string[];
  readonly allowInsecure: boolean;
  readonly limits: RunLimits;
  readonly labels: ReadonlyMap<string, string>;
  /** Of the image's manifest. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Seconds; SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
}
