import type { Pod } from "#api/gen/types.ts";
import { describeError } from "#base/log.ts";
import { allocationOf, isGranted, resizeMessage, withAllocation } from "./allocation.ts";
import type { PodContext, PodState } from "./context.ts";
import type { PodInput } from "./input.ts";
import { byResizeUrgency, isResizing } from "./resize.ts";

/** A resize that waits for room is looked at again so often, should nothing else ask for it. */
const resizeRetryMs = 180_000;

/** What a resizer needs of the loop that works on pods. */
export interface ResizeLoop {
  states(): Iterable<PodState>;
  /** Whose room a pod has to leave. */
  others(state: PodState): readonly Pod[];
  /** Asks for a look at a pod, at once or after a while. */
  add(uid: string): void;
  later(uid: string, delayMs: number): void;
}

/** Grants pods that run what they ask for, as the node has room, and tells how far that is. */
export class Resizer {
  readonly #context: PodContext;
  readonly #loop: ResizeLoop;

  constructor(context: PodContext, loop: ResizeLoop) {
    this.#context = context;
    this.#loop = loop;
  }

  /** Grants what the pod asks for now, as soon as the node has room for it. */
  allocate(state: PodState): void {
    const { admit, ports, clock } = this.#context;
    const { desired, allocation, resize } = state;
    if (!state.admitted || state.verdict !== undefined || state.stoppingSinceMs !== undefined)
      return;
    if (isGranted(desired, allocation)) {
      if (resize.pending !== undefined) state.resize = { ...resize, pending: undefined };
      return;
    }
    const generation = desired.metadata?.generation ?? 0;
    const refusal = admit(desired, this.#loop.others(state));
    if (refusal === undefined) {
      state.allocation = allocationOf(desired);
      state.pod = withAllocation(desired, state.allocation);
      state.actuated.group = "granted";
      state.resize = { pending: undefined, running: { generation, error: "" } };
      const message = resizeMessage("started", state.pod, generation);
      ports.events.pod(desired, { type: "Normal", reason: "ResizeStarted", message });
      return;
    }
    const { message } = refusal;
    const isNew = resize.pending?.generation !== generation;
    const sinceMs = resize.pending?.sinceMs ?? clock.now();
    state.resize = { ...resize, pending: { message, generation, sinceMs } };
    this.#loop.later(state.uid, resizeRetryMs);
    if (!isNew) return;
    const text = resizeMessage("Deferred", desired, generation, message);
    ports.events.pod(desired, { type: "Warning", reason: "ResizeDeferred", message: text });
  }

  /** Notes that the pod runs with what it was granted; others may have room now. */
  end(state: PodState, input: PodInput): void {
    const { running } = state.resize;
    if (running === undefined || isResizing(input)) return;
    state.resize = { ...state.resize, running: undefined };
    const message = resizeMessage("completed", state.pod, running.generation);
    const event = { type: "Normal", reason: "ResizeCompleted", message };
    this.#context.ports.events.pod(state.pod, event);
    this.retry();
  }

  fail(state: PodState, error: unknown): void {
    const { running } = state.resize;
    const text = describeError(error);
    if (running === undefined || running.error === text) return;
    state.resize = { ...state.resize, running: { ...running, error: text } };
    const message = resizeMessage("error", state.pod, running.generation, text);
    this.#context.ports.events.pod(state.pod, { type: "Warning", reason: "ResizeError", message });
  }

  /** Looks at the pods whose resize waits for room, the most urgent first. */
  retry(): void {
    const waiting = [...this.#loop.states()].flatMap((state) => {
      const { desired, pod, uid, resize } = state;
      const { pending } = resize;
      return pending === undefined
        ? []
        : [{ desired, granted: pod, uid, sinceMs: pending.sinceMs }];
    });
    for (const { uid } of waiting.sort(byResizeUrgency)) this.#loop.add(uid);
  }
}
