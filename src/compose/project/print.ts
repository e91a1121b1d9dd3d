import type { Json, JsonObject } from "#api/object.ts";
import type { Amounts, Deploy, HealthCheck, Mount, Project, Service } from "./model.ts";
import { present } from "./present.ts";
import { formatDuration } from "./units.ts";

/** The project as a compose file in long forms: what reads it again gives the same project. */
export function printProject(project: Project): JsonObject {
  const { name, services, volumes, networks, configs, secrets } = project;
  const parts = { volumes, networks, configs, secrets };
  return clean({
    name,
    services: mapped(services, printService),
    ...Object.fromEntries(Object.entries(parts).filter(([, it]) => Object.keys(it).length > 0)),
  });
}

function printService(service: Service): JsonObject {
  const { deploy, healthcheck, volumes, stop_grace_period, ...others } = service;
  const rest = present({ ...others, ignored: undefined });
  const sizes = ["shm_size", "mem_limit", "mem_reservation"] as const;
  return clean({
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
  const resources = clean({
    limits: printAmounts(limits),
    reservations: printAmounts(reservations),
  });
  const policy = clean({ condition: restart_condition, max_attempts });
  return clean({
    ...rest,
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
    ...(Object.keys(policy).length === 0 ? {} : { restart_policy: policy }),
  });
}

function printAmounts(amounts: Amounts | undefined): JsonObject | undefined {
  if (amounts === undefined) return undefined;
  const { cpus, memory } = amounts;
  return clean({ cpus, memory: memory === undefined ? undefined : String(memory) });
}

function printHealthCheck(check: HealthCheck): JsonObject {
  const { test, retries, disable, ...times } = check;
  const durations = Object.entries(times).map(
    ([key, it]) => [key, it === undefined ? undefined : formatDuration(it)] as const,
  );
  return clean({ test: escaped(test), retries, disable, ...Object.fromEntries(durations) });
}

function printMount(mount: Mount): JsonObject {
  const { subpath, create_host_path, propagation, size, ...rest } = mount;
  const bind = clean({ create_host_path, propagation });
  return clean({
    ...escaped(rest),
    ...(Object.keys(bind).length === 0 ? {} : { bind }),
    ...(subpath === undefined ? {} : { volume: { subpath } }),
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

/** Without undefined fields, as JSON has none. */
function clean(object: Readonly<Record<string, unknown>>): JsonObject {
  const entries = Object.entries(object).filter(([, it]) => it !== undefined);
  return Object.fromEntries(entries) as Record<string, Json>;
}
