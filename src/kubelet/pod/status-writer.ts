import type { PodStatus } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { compareResourceVersions } from "#client/resource-version.ts";
import { podTitle } from "./containers.ts";
import type { PodContext, PodState } from "./context.ts";
import { formatDuration } from "#base/duration.ts";
import type { PodInput, PodPlan } from "./input.ts";
import type { StatusInput } from "./status-input.ts";
import { statusPatch } from "./status-patch.ts";
import { podStatus } from "./status.ts";

/** The operation that writes the status; the plan does not know it. */
const statusKey = "status";
/** The same patch is not sent again within this time. */
const repeatMs = 10_000;
/** How long the watch is given to tell that the pod, of which the server knows nothing, is gone. */
const goneMs = 1_000;

/** What one look at a pod found, after it was acted on. */
export interface Looked {
  readonly state: PodState;
  readonly input: PodInput;
  readonly plan: PodPlan;
}

/** Keeps the statuses of pods in the API as they are on the node. */
export class StatusWriter {
  readonly #context: PodContext;
  readonly #later: (uid: string, delayMs: number) => void;

  /** @param later asks for a look at a pod after a while. */
  constructor(context: PodContext, later: (uid: string, delayMs: number) => void) {
    this.#context = context;
    this.#later = later;
  }

  /** True when the API shows the status that holds now. */
  write({ state, input, plan }: Looked, life: AbortSignal): boolean {
    if (state.vanished) return false;
    const previous = input.pod.status ?? {};
    const status = podStatus(this.#statusInput(state, input, plan));
    const patch = statusPatch(state.uid, previous, status);
    if (patch === undefined) return true;
    if (input.busy.has(statusKey)) return false;
    const text = JSON.stringify(patch);
    const waitMs = repeatMs - (input.nowMs - (state.lastPatch?.atMs ?? 0));
    if (state.lastPatch?.text === text && waitMs > 0) {
      // The server took this patch and shows something else: it keeps a field from us, and asking
      // without pause would not change that.
      this.#later(state.uid, waitMs);
      return true;
    }
    state.operations.start(
      statusKey,
      async (signal) => {
        const { clock } = this.#context;
        const since = clock.monotonic();
        await this.#sendStatus(state, patch, signal);
        this.#countStatus((clock.monotonic() - since) / 1_000);
        if (status.phase === "Running" && previous.phase !== "Running") this.#countStart(state);
        state.lastPatch = { text, atMs: input.nowMs };
      },
      life,
    );
    return false;
  }

  #countStatus(seconds: number): void {
    const { metrics } = this.#context;
    metrics.statusWritten(seconds);
    metrics.worked("sync", seconds);
  }

  #countStart({ seenAt, pod }: PodState): void {
    const { clock, metrics } = this.#context;
    const createdAtMs = Date.parse(pod.metadata?.creationTimestamp ?? "");
    const sinceSeen = (clock.monotonic() - seenAt) / 1_000;
    const sinceCreated = Number.isNaN(createdAtMs)
      ? sinceSeen
      : Math.max(0, (clock.now() - createdAtMs) / 1_000);
    metrics.podStarted({ sinceSeen, sinceCreated });
  }

  async #sendStatus(state: PodState, patch: JsonObject, signal: AbortSignal): Promise<void> {
    const { namespace = "", name = "" } = state.pod.metadata ?? {};
    const { api } = this.#context.ports;
    const stored = await api.patchPodStatus({ namespace, name }, patch, signal);
    if (stored === undefined) state.operations.hold(statusKey, goneMs);
    else state.written = stored;
  }

  #statusInput(state: PodState, input: PodInput, plan: PodPlan): StatusInput {
    const { runtimeName, node } = this.#context;
    const waiting = new Map<string, { reason: string; message: string }>();
    for (const [name, { reason, message }] of state.failures) {
      if (reason !== "") waiting.set(name, { reason, message });
    }
    const pod = podTitle(state.pod);
    for (const [name, { backoffMs }] of plan.backoffs) {
      const delay = formatDuration(backoffMs);
      const message = `back-off ${delay} restarting failed container=${name} pod=${pod}`;
      waiting.set(name, { reason: "CrashLoopBackOff", message });
    }
    return {
      ...input,
      verdict: state.verdict,
      previous: input.pod.status ?? {},
      stopping: plan.stopping,
      waiting,
      runtimeName,
      hostIps: node().hostIps,
      resize: state.resize,
    };
  }
}

/** The newer of what the API showed and what we wrote. */
export function knownStatus({ pod, written }: PodState): PodStatus {
  const shown = pod.metadata?.resourceVersion ?? "";
  if (written === undefined) return pod.status ?? {};
  const isBehind = compareResourceVersions(shown, written.resourceVersion) < 0;
  return isBehind ? written.status : (pod.status ?? {});
}
