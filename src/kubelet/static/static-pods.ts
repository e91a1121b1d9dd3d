import { mkdir, watch } from "node:fs/promises";
import type { Pod, PodStatus } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { KubeletApi, KubeletEvents, ObjectName, PodSource } from "#kubelet/ports.ts";
import { mirroredUid, mirrorOf } from "./manifest.ts";
import { keyOf, planMirrors, planStaticPods } from "./plan.ts";
import { readManifests } from "./read-manifests.ts";

/** The folder is read again so often, should the file system tell of no change (upstream: 20 s). */
const readAgainMs = 20_000;
/** Changes that come together are read together: a file is written in more than one step. */
const quietMs = 100;

export interface StaticPodsOptions {
  /** Made when it is not there. */
  readonly directory: string;
  readonly nodeName: string;
  readonly pods: PodSource;
  readonly api: KubeletApi;
  readonly events: KubeletEvents;
  /** Of the node's object; undefined before it is registered. */
  readonly nodeUid: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The pods of a folder of manifests beside those of the API. The API shows each by a mirror, whose
 * status the node writes, and which comes back when somebody deletes it.
 */
export class StaticPods implements PodSource {
  readonly #options: StaticPodsOptions;
  readonly #listeners = new Set<(uid: string) => void>();
  /** By uid. */
  #pods: ReadonlyMap<string, Pod> = new Map();
  #problems = "";
  /** Mirrors of an earlier life of the node: its own pods begin anew. Undefined before the first look. */
  #past: ReadonlySet<string | undefined> | undefined;
  #isComplete = false;
  /** Ends the pause between two looks. */
  #wake = new AbortController();

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  /** Reads the folder: its pods are here, and need nothing of the API. Those of the API are not. */
  async open(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await this.#read();
  }

  /** The API's pods are known. They are here after {@link complete}. */
  async synced(signal: AbortSignal): Promise<void> {
    await this.#options.pods.synced(signal);
    if (this.#past !== undefined) return;
    const mirrors = this.#options.pods.list().filter((it) => mirroredUid(it) !== undefined);
    this.#past = new Set(mirrors.filter(hasEnded).map((it) => it.metadata?.uid));
    this.#wake.abort();
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** The pods of the API are here from now on: what they may need is known, too. */
  complete(): void {
    this.#isComplete = true;
    for (const it of this.#options.pods.list())
      this.#tell(mirroredUid(it) ?? it.metadata?.uid ?? "");
  }

  get(uid: string): Pod | undefined {
    const own = this.#pods.get(uid);
    if (own === undefined) {
      if (!this.#isComplete) return undefined;
      const pod = this.#options.pods.get(uid);
      return mirroredUid(pod) === undefined ? pod : undefined;
    }
    const mirror = this.#mirror(own);
    if (mirror === undefined) return own;
    const { resourceVersion = "" } = mirror.metadata ?? {};
    const { status } = mirror;
    return {
      ...own,
      metadata: { ...own.metadata, resourceVersion },
      ...(status === undefined ? {} : { status }),
    };
  }

  list(): readonly Pod[] {
    const own = [...this.#pods.keys()].flatMap((uid) => this.get(uid) ?? []);
    if (!this.#isComplete) return own;
    const others = this.#options.pods.list().filter((it) => mirroredUid(it) === undefined);
    return [...own, ...others];
  }

  subscribe(listener: (uid: string) => void): () => void {
    for (const uid of this.#pods.keys()) listener(uid);
    this.#listeners.add(listener);
    const stop = this.#options.pods.subscribe((uid) => {
      const mirrored = mirroredUid(this.#options.pods.get(uid));
      listener(mirrored ?? uid);
    });
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }

  /** The API as the pod agent uses it: what it writes of a static pod goes to the mirror. */
  get api(): KubeletApi {
    const { api } = this.#options;
    const translated: Pick<KubeletApi, "patchPodStatus" | "deletePod"> = {
      patchPodStatus: (at, patch, signal) => this.#patchStatus(at, patch, signal),
      deletePod: (at, uid, signal) => this.#delete(at, uid, signal),
    };
    // Methods of a class are not own properties, so a copy would lose them.
    return new Proxy(api, {
      get: (target, name) => {
        if (name === "patchPodStatus" || name === "deletePod") return translated[name];
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  }

  /** Follows folder and mirrors until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { pods } = this.#options;
    const { log } = this.#options;
    await this.open().catch((error: unknown) => {
      log.error("folder of manifests not read", { error: error as Error });
    });
    const stop = pods.subscribe(() => {
      this.#wake.abort();
    });
    const synced = this.synced(signal).catch(() => undefined); // Aborted: the loops end, too.
    await Promise.all([synced, this.#watch(signal), this.#look(signal)]);
    stop();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of watch(this.#options.directory, { signal })) {
        this.#wake.abort(new Error(event.eventType));
      }
    } catch (error) {
      if (signal.aborted) return;
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.log.error("folder of manifests not watched", { error: cause });
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await this.#lookSafely(signal);
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await clock.sleep(readAgainMs, either).catch(() => undefined); // Woken, or over.
      await clock.sleep(quietMs, signal).catch(() => undefined); // Over.
    }
  }

  async #lookSafely(signal: AbortSignal): Promise<void> {
    try {
      await this.#read();
      await this.#showMirrors(signal);
    } catch (error) {
      if (signal.aborted) return;
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.log.error("static pods not shown", { error: cause });
    }
  }

  async #read(): Promise<void> {
    const { directory, nodeName, clock, log, events } = this.#options;
    const { pods, problems } = await readManifests(directory, nodeName);
    const told = problems.join("\n");
    if (told !== this.#problems) {
      this.#problems = told;
      for (const message of problems) {
        log.info("manifest not used", { problem: message });
        events.node({ type: "Warning", reason: "InvalidStaticPod", message });
      }
    }
    const next = planStaticPods(this.#pods, pods, formatTime(clock.now()));
    this.#pods = next.pods;
    for (const uid of next.changed) this.#tell(uid);
  }

  async #showMirrors(signal: AbortSignal): Promise<void> {
    const { pods, api, nodeUid } = this.#options;
    const mirrors = pods.list().filter((it) => mirroredUid(it) !== undefined);
    const past = this.#past;
    // Nobody knows yet which mirrors there are.
    if (past === undefined) return;
    for (const action of planMirrors([...this.#pods.values()], mirrors, past)) {
      if (action.kind === "delete") {
        const { namespace = "", name = "", uid = "" } = action.mirror.metadata ?? {};
        await api.deletePod({ namespace, name }, uid, signal);
        continue;
      }
      const uid = nodeUid();
      if (uid === undefined) continue;
      try {
        await api.createPod(mirrorOf(action.pod, uid), signal);
      } catch (error) {
        // The watch has not told of it yet.
        if (!isStatus(error, "AlreadyExists")) throw error;
      }
    }
  }

  async #patchStatus(
    at: ObjectName,
    patch: JsonObject,
    signal: AbortSignal,
  ): Promise<{ readonly resourceVersion: string; readonly status: PodStatus } | undefined> {
    const { api } = this.#options;
    const { uid } = patch["metadata"] as { readonly uid: string };
    const own = this.#pods.get(uid);
    if (own === undefined) return await api.patchPodStatus(at, patch, signal);
    const mirror = this.#mirror(own);
    if (mirror?.metadata?.uid === undefined) return undefined;
    const metadata = { uid: mirror.metadata.uid };
    return await api.patchPodStatus(at, { ...patch, metadata }, signal);
  }

  /** The pod agent asks for it when a pod that was told to end has ended. */
  async #delete(at: ObjectName, uid: string, signal: AbortSignal): Promise<void> {
    if (!this.#pods.has(uid)) {
      await this.#options.api.deletePod(at, uid, signal);
      return;
    }
    this.#pods = new Map([...this.#pods].filter(([key]) => key !== uid));
    this.#tell(uid);
    this.#wake.abort();
  }

  #mirror(pod: Pod): Pod | undefined {
    const uid = pod.metadata?.uid;
    return this.#options.pods.list().find((it) => {
      const isPast = this.#past?.has(it.metadata?.uid) === true;
      return mirroredUid(it) === uid && keyOf(it) === keyOf(pod) && !isPast;
    });
  }

  #tell(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
  }
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Failed" || status?.phase === "Succeeded";
}
