import { pairs, texts } from "./common.ts";
import {
  count,
  duration,
  either,
  integer,
  list,
  nothing,
  number,
  object,
  size,
  text,
  word,
  type Shape,
} from "./shape.ts";

const update = object({
  parallelism: count,
  delay: duration,
  failure_action: word("continue", "pause", "rollback"),
  monitor: duration,
  max_failure_ratio: number,
  order: word("start-first", "stop-first"),
});

const deviceRequest = {
  capabilities: texts,
  count: either(word("all"), integer),
  device_ids: texts,
  driver: text,
  options: pairs,
};

/** GPUs and the like; what they can do need not be said. */
export const deviceRequests: Shape = list(object(deviceRequest));

/** Compose specification, "Compose Deploy Specification". */
export const deploy: Shape = either(
  object({
    mode: word("replicated", "global", "replicated-job", "global-job"),
    endpoint_mode: word("vip", "dnsrr"),
    replicas: count,
    labels: pairs,
    rollback_config: update,
    update_config: update,
    resources: object({
      limits: object({ cpus: number, memory: size, pids: integer }),
      reservations: object({
        cpus: number,
        memory: size,
        generic_resources: list(
          object({ discrete_resource_spec: object({ kind: text, value: number }) }),
        ),
        devices: list(object(deviceRequest, "capabilities")),
      }),
    }),
    restart_policy: object({
      condition: word("none", "on-failure", "any"),
      delay: duration,
      max_attempts: count,
      window: duration,
    }),
    placement: object({
      constraints: texts,
      preferences: list(object({ spread: text })),
      max_replicas_per_node: count,
    }),
  }),
  nothing,
);
