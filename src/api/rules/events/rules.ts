import type { CoreV1Event } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import { compose } from "#api/rules/compose.ts";
import type { Rules } from "#api/rules/rules.ts";
import type { Strategy } from "#api/strategy.ts";
import { eventPrinter } from "./columns.ts";
import { toCoreV1 } from "./conversion.ts";
import { validateEvent, validateNewEvent, validateNewEventUpdate } from "./validation.ts";

/** Upstream's default (`--event-ttl`): one hour. */
const ttlSeconds = 3_600;

export const eventRules: Rules<CoreV1Event> = {
  default: (event) => {
    // Structs that upstream always writes.
    event.source ??= {};
    event.involvedObject ??= {};
  },
  validate: validateEvent,
  printer: eventPrinter,
  allowCreateOnUpdate: true,
  ttlSeconds,
};

const newEventRules: Rules<CoreV1Event> = {
  validate: validateNewEvent,
  validateUpdate: validateNewEventUpdate,
  printer: eventPrinter,
  allowCreateOnUpdate: true,
  ttlSeconds,
};

/** Events in the newer group: checked and shown in the core group's shape. */
export function newEventStrategy(resource: Resource): Strategy {
  const inner = compose(resource, newEventRules);
  const core = (event: JsonObject): JsonObject =>
    event["apiVersion"] === "v1" ? event : toCoreV1(event);
  return {
    ...inner,
    validate: (event) => inner.validate(core(event)),
    validateUpdate: (next, previous) => inner.validateUpdate(core(next), core(previous)),
    cells: (event, nowMs) => inner.cells(core(event), nowMs),
  };
}
