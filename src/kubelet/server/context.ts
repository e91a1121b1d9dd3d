import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Runtime } from "#cri/runtime.ts";
import type { ServedPods } from "./pods.ts";

/** What serving a request needs. */
export interface ServerContext {
  readonly runtime: Runtime;
  readonly pods: ServedPods;
  readonly clock: Clock;
  readonly log: Logger;
}
