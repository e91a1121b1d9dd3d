import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "#base/clock.ts";
import { Backoff } from "#base/backoff.ts";
import { TaskGroup } from "#base/task-group.ts";
import { type Envelope, Events, EventSubjectSchema, TaskExitSchema } from "#cri/gen/events_pb.ts";
import { RuntimeError, type RuntimeEvent } from "#cri/runtime.ts";
import { EventQueue } from "#cri/event-queue.ts";
import type { GrpcConnection } from "./grpc.ts";

/** What the event stream needs to know of the state. */
export interface EventSource {
  readonly connection: GrpcConnection;
  readonly clock: Clock;
  /** False once the runtime's status says that the container or sandbox has stopped, or is gone. */
  isRunning(id: string, signal: AbortSignal): Promise<boolean>;
  /** One event for everything there is; heard after a gap. */
  current(signal: AbortSignal): Promise<readonly RuntimeEvent[]>;
}

/** CRI's status follows the exit event by tens of milliseconds; under load by half a second. */
const settleMsMax = 5_000;
const settleStepMs = 15;

/**
 * Events of containers and sandboxes, from containerd's own event service: CRI's needs containerd 1.7.
 * An `exited` is told when the status says so too. When containerd goes away the stream connects
 * again, and tells the state of everything, as events may have been missed.
 */
export async function* containerdEvents(
  source: EventSource,
  signal: AbortSignal,
): AsyncGenerator<RuntimeEvent, void, undefined> {
  const queue = new EventQueue();
  let failure: Error | undefined;
  await using tasks = new TaskGroup((error) => {
    failure = new Error("follow containerd's events", { cause: error });
    queue.end();
  });
  tasks.start((stop) => subscribe(source, queue, tasks, AbortSignal.any([stop, signal])));
  const abort = queue.end.bind(queue);
  signal.addEventListener("abort", abort, { once: true });
  try {
    yield* queue;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  if (failure !== undefined && !signal.aborted) throw failure;
}

async function subscribe(
  source: EventSource,
  queue: EventQueue,
  tasks: TaskGroup,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff<"subscribe">({ initialMs: 50, maxMs: 2_000 });
  for (let first = true; !signal.aborted; first = false) {
    const left = new AbortController();
    try {
      const envelopes = source.connection.serverStream(
        Events.method.subscribe,
        { filters },
        {},
        AbortSignal.any([signal, left.signal]),
      );
      if (!first) for (const event of await source.current(signal)) queue.push(event);
      for await (const envelope of envelopes) {
        backoff.succeed("subscribe");
        tell(source, queue, tasks, toEvent(envelope));
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error)) throw error;
    } finally {
      left.abort(new Error("the subscription has ended"));
    }
    await source.clock.sleep(backoff.fail("subscribe"), signal);
  }
}

const filters = [`namespace==k8s.io,topic~="^/tasks/"`, `namespace==k8s.io,topic~="^/containers/"`];

function tell(
  source: EventSource,
  queue: EventQueue,
  tasks: TaskGroup,
  event: RuntimeEvent | undefined,
): void {
  if (event === undefined) return;
  if (event.kind !== "exited") {
    queue.push(event);
    return;
  }
  tasks.start(async (signal) => {
    await settle(source, event.id, signal);
    queue.push(event);
  });
}

/** Waits, with a bound, until the status has followed the exit event. */
async function settle(source: EventSource, id: string, signal: AbortSignal): Promise<void> {
  const until = source.clock.monotonic() + settleMsMax;
  for (let wait = settleStepMs; source.clock.monotonic() < until; wait *= 1.5) {
    try {
      if (!(await source.isRunning(id, signal))) return;
    } catch (error) {
      signal.throwIfAborted();
      if (isTransient(error)) return;
      throw error;
    }
    await source.clock.sleep(wait, signal);
  }
}

function toEvent(envelope: Envelope): RuntimeEvent | undefined {
  const bytes = envelope.event?.value;
  if (bytes === undefined) return undefined;
  const id = fromBinary(EventSubjectSchema, bytes).containerId;
  switch (envelope.topic) {
    case "/containers/create":
      return { kind: "created", id };
    case "/tasks/start":
      return { kind: "started", id };
    case "/tasks/oom":
      return { kind: "oom", id };
    case "/containers/delete":
      return { kind: "deleted", id };
    case "/tasks/exit": {
      // The end of an exec'd process carries its own id; only the container's main one counts.
      const { execId } = fromBinary(TaskExitSchema, bytes);
      return execId === "" || execId === id ? { kind: "exited", id } : undefined;
    }
    default:
      return undefined;
  }
}

/** containerd is away or failed; anything else is ours. */
function isTransient(error: unknown): boolean {
  return error instanceof RuntimeError || (error instanceof Error && "code" in error);
}
