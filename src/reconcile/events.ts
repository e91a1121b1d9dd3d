import type { CoreV1Event, ObjectReference } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { events } from "#client/kinds.ts";
import { EventCorrelator, type CorrelatedEvent, type EventContent } from "./event-correlator.ts";
import { WorkQueue } from "./workqueue.ts";

/** Tells users what happened to an object: `kubectl describe` shows it. Never blocks, never throws. */
export interface EventRecorder {
  record(resource: Resource, object: KubernetesObject, content: EventContent): void;
}

export interface RecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** `deployment-controller`, `kubelet`. */
  readonly component: string;
  /** The node, for components of a node. */
  readonly host?: string | undefined;
}

/** Events that wait to be sent; more are dropped and counted. */
const queueMax = 1_000;

interface Waiting {
  readonly about: ObjectReference;
  readonly content: EventContent;
  readonly atMs: number;
}

/** Sends events to the API server one after the other, merged and limited as client-go does. */
export class EventSender implements EventRecorder {
  readonly #options: RecorderOptions;
  readonly #correlator = new EventCorrelator();
  readonly #queue = new WorkQueue<Waiting>();
  #dropped = 0;
  #serial = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Events that were not sent because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  record(resource: Resource, object: KubernetesObject, content: EventContent): void {
    if (this.#queue.depth >= queueMax) {
      this.#dropped++;
      return;
    }
    const { fieldPath } = content;
    const about = {
      ...referenceTo(resource, object),
      ...(fieldPath === undefined ? {} : { fieldPath }),
    };
    this.#queue.add({ about, content, atMs: this.#options.clock.now() });
  }

  /** Sends until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const shutdown = (): void => {
      this.#queue.shutdown();
    };
    signal.addEventListener("abort", shutdown, { once: true });
    if (signal.aborted) shutdown();
    for (let it = await this.#queue.take(); it !== undefined; it = await this.#queue.take()) {
      if (!signal.aborted) await this.#send(it, signal);
      this.#queue.done(it);
    }
  }

  async #send(waiting: Waiting, signal: AbortSignal): Promise<void> {
    const step = this.#correlator.correlate(waiting.about, waiting.content, waiting.atMs);
    if (step.kind === "drop") {
      this.#dropped++;
      return;
    }
    try {
      const stored =
        step.kind === "repeat" && step.event !== undefined
          ? await this.#repeat(step, step.event, waiting, signal)
          : await this.#create(step, waiting, signal);
      this.#correlator.stored(step.key, stored);
    } catch (error) {
      this.#correlator.forget(step.key);
      // Its namespace is being deleted: there is nobody left to tell.
      if (signal.aborted || isStatus(error, "Forbidden") || isStatus(error, "NotFound")) return;
      this.#options.log.error("event not sent", {
        reason: waiting.content.reason,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }

  async #create(
    step: Exclude<CorrelatedEvent, { kind: "drop" }>,
    { about, content, atMs }: Waiting,
    signal: AbortSignal,
  ): Promise<CoreV1Event> {
    const { client, component, host } = this.#options;
    // Like client-go: the object's name and a time in hexadecimal nanoseconds, here with a serial.
    const stamp = BigInt(Math.floor(atMs)) * 1_000_000n + BigInt(this.#serial++ % 1_000_000);
    const namespace = about.namespace ?? "default";
    const time = formatTime(atMs);
    return await client.create(
      events,
      {
        metadata: { namespace, name: `${about.name ?? ""}.${stamp.toString(16)}` },
        involvedObject: about,
        reason: content.reason,
        message: step.message.slice(0, 1_024),
        type: content.type,
        source: { component, ...(host === undefined ? {} : { host }) },
        reportingComponent: component,
        reportingInstance: host ?? "",
        count: step.count,
        firstTimestamp: time,
        lastTimestamp: time,
      },
      {},
      signal,
    );
  }

  async #repeat(
    step: Exclude<CorrelatedEvent, { kind: "drop" }>,
    event: CoreV1Event,
    waiting: Waiting,
    signal: AbortSignal,
  ): Promise<CoreV1Event> {
    const { namespace, name = "" } = event.metadata;
    const lastTimestamp = formatTime(waiting.atMs);
    const body = { count: step.count, lastTimestamp, message: step.message.slice(0, 1_024) };
    try {
      const patch = { type: "merge", body } as const;
      return await this.#options.client.patch(events, { namespace, name }, patch, signal);
    } catch (error) {
      // Events expire on the server.
      if (isStatus(error, "NotFound")) return await this.#create(step, waiting, signal);
      throw error;
    }
  }
}

function referenceTo(resource: Resource, object: KubernetesObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    resourceVersion,
  };
}
