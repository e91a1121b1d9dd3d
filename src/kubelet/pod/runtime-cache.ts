import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ContainerStatus, Runtime, RuntimeEvent, SandboxStatus } from "#cri/runtime.ts";
import { containerLabels, newestFirst } from "./containers.ts";
import type { ObservedPod } from "./input.ts";

export interface RuntimeCacheOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read once when a container has ended; see ports.ts. */
  readonly terminationMessage: (status: ContainerStatus) => Promise<string>;
  /** Hears the uid of each pod whose containers or sandboxes changed. */
  readonly onChange: (uid: string) => void;
}

interface Entry {
  readonly sandboxes: Map<string, SandboxStatus>;
  readonly containers: Map<string, ContainerStatus>;
}

/**
 * containerd reports a container as running for up to half a second after its exit was announced
 * (measured), so a status that does not say so yet is read again after these pauses.
 */
const exitRereadMs = [20, 40, 80, 160, 320, 640] as const;

/**
 * The runtime's sandboxes and containers by pod uid, kept current by events and, should one be
 * missed, by a slow relist. Containers that no pod of ours labels are not seen.
 */
export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  readonly #pods = new Map<string, Entry>();
  /** By sandbox or container id. */
  readonly #owners = new Map<string, string>();
  /** The last read under way of each id: reads of one id never overtake each other. */
  readonly #reads = new Map<string, Promise<void>>();

  constructor(options: RuntimeCacheOptions) {
    this.#options = options;
  }

  /** Pods of which the runtime knows anything. */
  uids(): string[] {
    return [...this.#pods.keys()];
  }

  get(uid: string): ObservedPod {
    const entry = this.#pods.get(uid);
    if (entry === undefined) return nothing;
    return {
      sandboxes: [...entry.sandboxes.values()].sort(
        (left, right) =>
          right.createdAtMs - left.createdAtMs || right.metadata.attempt - left.metadata.attempt,
      ),
      containers: [...entry.containers.values()].sort(newestFirst),
    };
  }

  /** Reads the runtime's lists and then what differs from what is known. */
  async relist(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options;
    const sandboxes = await runtime.listSandboxes(signal);
    const containers = await runtime.listContainers(signal);
    const present = new Set([...sandboxes, ...containers].map((it) => it.id));
    for (const { id, labels, state } of sandboxes) {
      const known = this.#pods.get(labels[containerLabels.podUid] ?? "")?.sandboxes.get(id);
      if (isOurs(labels) && known?.state !== state) await this.refreshSandbox(id, signal);
    }
    for (const { id, labels, state } of containers) {
      const known = this.#pods.get(labels[containerLabels.podUid] ?? "")?.containers.get(id);
      if (isOurs(labels) && known?.state !== state) await this.refreshContainer(id, signal);
    }
    for (const id of [...this.#owners.keys()]) {
      if (!present.has(id)) await this.#refresh(id, signal);
    }
  }

  /** After it resolves, {@link get} shows the container as it is now. */
  async refreshContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.#inTurn(id, async () => {
      const status = await this.#options.runtime.containerStatus(id, signal);
      if (status === undefined) this.#drop(id, "containers");
      else await this.#putContainer(status);
    });
  }

  async refreshSandbox(id: string, signal: AbortSignal): Promise<void> {
    await this.#inTurn(id, async () => {
      const status = await this.#options.runtime.sandboxStatus(id, signal);
      if (status === undefined) this.#drop(id, "sandboxes");
      else this.#putSandbox(status);
    });
  }

  /** Reads what an event is about. */
  async follow(event: RuntimeEvent, signal: AbortSignal): Promise<void> {
    await this.#refresh(event.id, signal);
    if (event.kind !== "exited") return;
    for (const ms of exitRereadMs) {
      if (!this.#seemsAlive(event.id)) return;
      await this.#options.clock.sleep(ms, signal);
      await this.#refresh(event.id, signal);
    }
  }

  #seemsAlive(id: string): boolean {
    const entry = this.#pods.get(this.#owners.get(id) ?? "");
    const state = entry?.containers.get(id)?.state ?? entry?.sandboxes.get(id)?.state;
    return state === "running" || state === "ready";
  }

  async #refresh(id: string, signal: AbortSignal): Promise<void> {
    const entry = this.#pods.get(this.#owners.get(id) ?? "");
    if (entry?.sandboxes.has(id) === true) {
      await this.refreshSandbox(id, signal);
      return;
    }
    await this.refreshContainer(id, signal);
    if (!this.#owners.has(id)) await this.refreshSandbox(id, signal);
  }

  async #inTurn(id: string, read: () => Promise<void>): Promise<void> {
    const before = this.#reads.get(id) ?? Promise.resolve();
    const turn = before.then(read, read);
    this.#reads.set(id, turn);
    try {
      await turn;
    } finally {
      if (this.#reads.get(id) === turn) this.#reads.delete(id);
    }
  }

  async #putContainer(status: ContainerStatus): Promise<void> {
    const uid = status.labels[containerLabels.podUid];
    if (uid === undefined) return;
    const known = this.#entry(uid).containers.get(status.id);
    const isFresh = status.state === "exited" && known?.state !== "exited";
    const message = isFresh ? await this.#messageOf(status) : (known?.message ?? status.message);
    // Read again: the entry may have gone while the message was read.
    this.#entry(uid).containers.set(status.id, { ...status, message });
    this.#owners.set(status.id, uid);
    if (known?.state !== status.state) this.#options.onChange(uid);
  }

  async #messageOf(status: ContainerStatus): Promise<string> {
    try {
      const message = await this.#options.terminationMessage(status);
      return message === "" ? status.message : message;
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.log.error("termination message unreadable", {
        container: status.id,
        error: cause,
      });
      return status.message;
    }
  }

  #putSandbox(status: SandboxStatus): void {
    const uid = status.metadata.uid;
    if (status.labels[containerLabels.podUid] !== uid) return;
    const { sandboxes } = this.#entry(uid);
    const known = sandboxes.get(status.id);
    sandboxes.set(status.id, status);
    this.#owners.set(status.id, uid);
    const isSame = known?.state === status.state && known.ips.join() === status.ips.join();
    if (!isSame) this.#options.onChange(uid);
  }

  /**
   * An event does not say what it is about, so a sandbox is also looked for among the containers.
   * That it is none of them says nothing about the sandbox.
   */
  #drop(id: string, kind: keyof Entry): void {
    const uid = this.#owners.get(id);
    const entry = uid === undefined ? undefined : this.#pods.get(uid);
    if (uid === undefined || entry?.[kind].delete(id) !== true) return;
    this.#owners.delete(id);
    if (entry.containers.size + entry.sandboxes.size === 0) {
      this.#pods.delete(uid);
    }
    this.#options.onChange(uid);
  }

  #entry(uid: string): Entry {
    const known = this.#pods.get(uid);
    if (known !== undefined) return known;
    const created: Entry = { sandboxes: new Map(), containers: new Map() };
    this.#pods.set(uid, created);
    return created;
  }
}

function isOurs(labels: Readonly<Record<string, string>>): boolean {
  return labels[containerLabels.podUid] !== undefined;
}

const nothing: ObservedPod = { sandboxes: [], containers: [] };
