import type { HealthCheck } from "#containers/plan/probes.ts";
import type { Amounts, Deploy } from "./model.ts";
import type { Reading } from "./reading.ts";
import { bytes, durationMs } from "./units.ts";

export function readDeploy(at: Reading): Deploy | undefined {
  if (at.isAbsent) return undefined;
  at.mapping([
    ...["mode", "replicas", "labels", "update_config", "rollback_config", "resources"],
    ...["restart_policy", "placement", "endpoint_mode"],
  ]);
  const policy = at.at("restart_policy");
  return {
    mode: at.at("mode").oneOf(["replicated", "global", "replicated-job", "global-job"]),
    replicas: countOf(at.at("replicas")),
    labels: at.at("labels").labels(),
    limits: readAmounts(at.at("resources").at("limits")),
    reservations: readAmounts(at.at("resources").at("reservations")),
    restart_condition: policy.at("condition").oneOf(["none", "on-failure", "any"]),
    max_attempts: countOf(policy.at("max_attempts")),
  };
}

function readAmounts(at: Reading): Amounts | undefined {
  if (at.isAbsent) return undefined;
  at.mapping(["cpus", "memory", "pids", "devices", "generic_resources"]);
  return { cpus: at.at("cpus").number(), memory: bytes(at.at("memory")) };
}

function countOf(at: Reading): number | undefined {
  const number = at.number();
  if (number !== undefined && (!Number.isInteger(number) || number < 0)) {
    throw at.fail("must be a whole number, not below zero");
  }
  return number;
}

const testKinds = ["CMD", "CMD-SHELL", "NONE"];

export function readHealthCheck(at: Reading): HealthCheck | undefined {
  if (at.isAbsent) return undefined;
  at.mapping([
    ...["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"],
  ]);
  return {
    test: readTest(at.at("test")),
    interval: durationMs(at.at("interval")),
    timeout: durationMs(at.at("timeout")),
    start_period: durationMs(at.at("start_period")),
    start_interval: durationMs(at.at("start_interval")),
    retries: countOf(at.at("retries")),
    disable: at.at("disable").flag(),
  };
}

function readTest(at: Reading): readonly string[] | undefined {
  if (at.isAbsent) return undefined;
  if (!Array.isArray(at.value)) return ["CMD-SHELL", at.needed()];
  const test = at.texts();
  if (!testKinds.includes(test[0] ?? "")) {
    throw at.fail(`must begin with one of ${testKinds.join(", ")}`);
  }
  return test;
}
