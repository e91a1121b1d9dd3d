import { present } from "#base/present.ts";
import type { HealthCheck } from "#containers/plan/probes.ts";
import type { Amounts, Deploy, Update } from "./model.ts";
import type { Reading } from "./reading.ts";
import { bytes, durationMs } from "./units.ts";

export function readDeploy(at: Reading): Deploy | undefined {
  if (at.isAbsent) return undefined;
  return present<Deploy>({
    mode: at.at("mode").oneOf(["replicated", "global", "replicated-job", "global-job"]),
    endpoint_mode: at.at("endpoint_mode").oneOf(["vip", "dnsrr"]),
    replicas: at.at("replicas").number(),
    labels: at.at("labels").labels(),
    resources: readResources(at.at("resources")),
    restart_policy: readRestartPolicy(at.at("restart_policy")),
    update_config: readUpdate(at.at("update_config")),
    rollback_config: readUpdate(at.at("rollback_config")),
    placement: readPlacement(at.at("placement")),
  });
}

function readResources(at: Reading): Deploy["resources"] {
  if (at.isAbsent) return undefined;
  const limits = readAmounts(at.at("limits"));
  return present({ limits, reservations: readAmounts(at.at("reservations")) });
}

function readAmounts(at: Reading): Amounts | undefined {
  if (at.isAbsent) return undefined;
  return present<Amounts>({
    cpus: at.at("cpus").number(),
    memory: bytes(at.at("memory")),
    pids: at.at("pids").number(),
    devices: at.at("devices").value,
    generic_resources: at.at("generic_resources").value,
  });
}

function readRestartPolicy(at: Reading): Deploy["restart_policy"] {
  if (at.isAbsent) return undefined;
  return present<NonNullable<Deploy["restart_policy"]>>({
    condition: at.at("condition").oneOf(["none", "on-failure", "any"]),
    max_attempts: at.at("max_attempts").number(),
    delay: durationMs(at.at("delay")),
    window: durationMs(at.at("window")),
  });
}

function readUpdate(at: Reading): Update | undefined {
  if (at.isAbsent) return undefined;
  return present<Update>({
    parallelism: at.at("parallelism").number(),
    delay: durationMs(at.at("delay")),
    monitor: durationMs(at.at("monitor")),
    failure_action: at.at("failure_action").text(),
    max_failure_ratio: at.at("max_failure_ratio").number(),
    order: at.at("order").oneOf(["start-first", "stop-first"]),
  });
}

function readPlacement(at: Reading): Deploy["placement"] {
  if (at.isAbsent) return undefined;
  return present<NonNullable<Deploy["placement"]>>({
    constraints: at.at("constraints").texts(),
    preferences: at.at("preferences").listOf((it) => present({ spread: it.at("spread").text() })),
    max_replicas_per_node: at.at("max_replicas_per_node").number(),
  });
}

const testKinds = ["CMD", "CMD-SHELL", "NONE"];

export function readHealthCheck(at: Reading): HealthCheck | undefined {
  if (at.isAbsent) return undefined;
  return present<HealthCheck>({
    test: readTest(at.at("test")),
    interval: durationMs(at.at("interval")),
    timeout: durationMs(at.at("timeout")),
    start_period: durationMs(at.at("start_period")),
    start_interval: durationMs(at.at("start_interval")),
    retries: at.at("retries").number(),
    disable: at.at("disable").flag(),
  });
}

function readTest(at: Reading): readonly string[] | undefined {
  if (at.isAbsent) return undefined;
  if (!Array.isArray(at.value)) return ["CMD-SHELL", at.needed()];
  const test = at.texts() ?? [];
  if (test.length > 0 && !testKinds.includes(test[0] ?? "")) {
    throw at.fail(`must begin with one of ${testKinds.join(", ")}`);
  }
  return test;
}
