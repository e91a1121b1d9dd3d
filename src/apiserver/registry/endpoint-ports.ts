import type { BodyPorts } from "./body.ts";
import type { RegistryPorts } from "./kind.ts";
import type { WatchTimers } from "./watch-timers.ts";

/** What the verbs of all kinds share. */
export interface EndpointPorts {
  readonly registry: RegistryPorts;
  readonly body: BodyPorts;
  readonly timers: WatchTimers;
}
