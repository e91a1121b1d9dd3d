import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Runtime } from "#cri/runtime.ts";
import { Evictor } from "./eviction/evictor.ts";
import { observeSignals } from "./eviction/observe.ts";
import type { Pressure } from "./eviction/plan.ts";
import type { OpenHost } from "./host/open-host.ts";
import { ImageCollector } from "./images/collector.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import type { PodAgent } from "./pod/pod-agent.ts";
import type { RuntimeCache } from "./pod/runtime-cache.ts";
import type { KubeletPorts } from "./ports.ts";
import type { KubeletSettings } from "./settings/settings.ts";

export interface HousekeepingOptions {
  readonly settings: Pick<KubeletSettings, "eviction" | "images">;
  /** On the disk of pods' volumes and logs. */
  readonly nodeDirectory: string;
  /** On the disk of images and of what containers write. */
  readonly imageDirectory: string;
  /** Names of images that are never removed. */
  readonly pinnedImages: readonly string[];
}

export interface HousekeepingParts {
  readonly runtime: Runtime;
  readonly ports: KubeletPorts;
  readonly opened: OpenHost;
  readonly agent: PodAgent;
  readonly cache: RuntimeCache;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps a real node from running out of memory and disk. */
export class Housekeeping {
  readonly #evictor: Evictor;
  readonly #images: ImageCollector;

  constructor(options: HousekeepingOptions, parts: HousekeepingParts) {
    const { runtime, ports, opened, agent, cache, metrics, clock, log } = parts;
    const { settings, nodeDirectory, imageDirectory, pinnedImages } = options;
    const common = { events: ports.events, clock, log };
    const images = new ImageCollector({
      runtime,
      limits: settings.images,
      directory: imageDirectory,
      pinned: pinnedImages,
      ...common,
    });
    this.#images = images;
    this.#evictor = new Evictor({
      limits: settings.eviction,
      usage: opened.usage,
      running: (pod) =>
        cache.get(pod.metadata?.uid ?? "").containers.filter((it) => it.state === "running"),
      logDirectory: (pod) => opened.host.logDirectory(pod),
      volumePath: (pod, name) => opened.host.volumePath(pod, name),
      observe: () => observeSignals({ nodeDirectory, imageDirectory }),
      activePods: () => agent.activePods(),
      end: (uid, verdict) => agent.end(uid, verdict),
      evicted: (eviction) => {
        metrics.evicted(eviction);
      },
      hasEnded: (uid) => agent.hasEnded(uid),
      freeDisk: (signal) => images.removeUnused(signal),
      ...common,
    });
  }

  get pressures(): ReadonlySet<Pressure> {
    return this.#evictor.pressures;
  }

  /** Works until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#evictor.run(signal), this.#images.run(signal)]);
  }
}
