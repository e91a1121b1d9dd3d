import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { Informers } from "#client/informers.ts";
import type { Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";

/** What controllers are made from. */
export interface ControllerPorts {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Events in the name of `component`. */
  readonly recorder: (component: string) => EventRecorder;
  /** PEM of the authority that signed the API server; published into every namespace. */
  readonly rootCa: string;
}

export type ControllerFactory = (ports: ControllerPorts) => Controller;
