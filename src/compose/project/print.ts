import type { HealthCheck } from "#containers/plan/probes.ts";
import type { Json, JsonObject } from "#api/object.ts";
import type { Amounts, Deploy, Mount, Project, Service } from "./model.ts";
import { present } from "#base/present.ts";
import { formatDuration } from "./units.ts";

/** The project as a compose file in long forms: what reads it again gives the same project. */
export function printProject(project: Project): JsonObject {
  const { name, services, volumes, networks, configs, secrets } = project;
  const parts = { volumes, networks, configs, secrets };
  return printed({
    name,
    services: mapped(services, printService),
    ...Object.fromEntries(Object.entries(parts).filter(([, it]) => Object.keys(it).length > 0)),
  });
}

function printService(service: Service): JsonObject {
  const { deploy, healthcheck, volumes, stop_grace_period, ...others } = service;
  const rest = present({ ...others, ignored: undefined });
  const sizes = ["shm_size", "mem_limit", "mem_reservation"] as const;
  return printed({
    ...escaped(rest),
    ...Object.fromEntries(
      sizes.flatMap((it) => (rest[it] === undefined ? [] : [[it, String(rest[it])]])),
    ),
    ...(deploy === undefined ? {} : { deploy: printDeploy(deploy) }),
    ...(healthcheck === undefined ? {} : { healthcheck: printHealthCheck(healthcheck) }),
    ...(volumes === undefined ? {} : { volumes: volumes.map(printMount) }),
    ...(stop_grace_period === undefined
      ? {}
      : { stop_grace_period: formatDuration(stop_grace_period) }),
  });
}

function printDeploy(deploy: Deploy): JsonObject {
  const { limits, reservations, restart_condition, max_attempts, ...rest } = deploy;
  const resources = printed({
    limits: printAmounts(limits),
    reservations: printAmounts(reservations),
  });
  const policy = printed({ condition: restart_condition, max_attempts });
  return printed({
    ...rest,
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
    ...(Object.keys(policy).length === 0 ? {} : { restart_policy: policy }),
  });
}

function printAmounts(amounts: Amounts | undefined): JsonObject | undefined {
  if (amounts === undefined) return undefined;
  const { cpus, memory } = amounts;
  return printed({ cpus, memory: memory === undefined ? undefined : String(memory) });
}

function printHealthCheck(check: HealthCheck): JsonObject {
  const { test, retries, disable, ...times } = check;
  const durations = Object.entries(times).map(
    ([key, it]) => [key, it === undefined ? undefined : formatDuration(it)] as const,
  );
  return printed({ test: escaped(test), retries, disable, ...Object.fromEntries(durations) });
}

function printMount(mount: Mount): JsonObject {
  const { subpath, no_copy: nocopy, create_host_path, propagation, size, ...rest } = mount;
  const bind = printed({ create_host_path, propagation });
  const volume = printed({ subpath, nocopy });
  return printed({
    ...escaped(rest),
    ...(Object.keys(bind).length === 0 ? {} : { bind }),
    ...(Object.keys(volume).length === 0 ? {} : { volume }),
    ...(size === undefined ? {} : { tmpfs: { size } }),
  });
}

/** Dollar signs are variables when the file is read again, unless they are doubled. */
function escaped<T>(value: T): T {
  if (typeof value === "string") return value.replaceAll("$", "$$$$") as T;
  if (Array.isArray(value)) return value.map(escaped) as T;
  if (typeof value !== "object" || value === null) return value;
  return mapped(value as Record<string, unknown>, escaped) as T;
}

function mapped<T, U>(record: Readonly<Record<string, T>>, map: (it: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, it]) => [key, map(it)]));
}

/** What the parts of a project are without undefined fields: JSON. */
function printed(object: Readonly<Record<string, unknown>>): JsonObject {
  return present(object) as Record<string, Json>;
}
