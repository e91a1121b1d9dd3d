import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Service } from "./model.ts";

type Rule =
  /** The later value is the whole. */
  | { readonly kind: "replace" }
  /** Entries with the same key are one, the later one. */
  | { readonly kind: "unique"; readonly key: (entry: Json) => string }
  /** The later mapping is the whole where this field differs. */
  | { readonly kind: "same"; readonly field: string }
  /** A mapping in which null is a value. */
  | { readonly kind: "nulls" };

const replace: Rule = { kind: "replace" };
const nulls: Rule = { kind: "nulls" };
const unique: Rule = { kind: "unique", key: (it) => JSON.stringify(it) };

function byFields(...fields: readonly string[]): Rule {
  const key = (entry: Json): string =>
    isJsonObject(entry)
      ? JSON.stringify(fields.map((it) => entry[it] ?? null))
      : JSON.stringify(entry);
  return { kind: "unique", key };
}

/** A file's place in the container, by which it is one with another of the same. */
function byMountPoint(usual: string): Rule {
  const key = (entry: Json): string => {
    const { target = null, source = null } = isJsonObject(entry) ? entry : {};
    return typeof target === "string" ? target : `${usual}${JSON.stringify(source)}`;
  };
  return { kind: "unique", key };
}

/** By the place in a service, where `*` is any key. Upstream: compose-go `override`. */
const rules: Readonly<Record<string, Rule>> = {
  annotations: nulls,
  "build.args": nulls,
  "build.extra_hosts": unique,
  "build.tags": unique,
  cap_add: unique,
  cap_drop: unique,
  command: replace,
  configs: byMountPoint("/"),
  devices: byFields("target"),
  dns: unique,
  dns_opt: unique,
  dns_search: unique,
  entrypoint: replace,
  env_file: byFields("path"),
  environment: nulls,
  expose: unique,
  extra_hosts: unique,
  "healthcheck.test": replace,
  label_file: unique,
  labels: nulls,
  links: unique,
  logging: { kind: "same", field: "driver" },
  "networks.*.aliases": unique,
  "networks.*.link_local_ips": unique,
  ports: byFields("host_ip", "published", "target", "protocol"),
  profiles: unique,
  secrets: byMountPoint("/run/secrets/"),
  tmpfs: unique,
  "ulimits.*": replace,
  volumes: byFields("target"),
};

/**
 * A service of two files, or of its base and itself: what the later one says wins, mappings are
 * joined, lists are appended. Compose specification, "Merge".
 */
export function mergeServices(earlier: Service, later: Service): Service {
  return merged(earlier as Json, later as Json, ["services", "*"]) as Service;
}

/** Parts of two files, or the whole of them. @param at the place: empty, or such as `services`. */
export function mergeContentPart<T extends object>(earlier: T, later: T, at: string): T {
  return merged(earlier as Json, later as Json, at === "" ? [] : [at]) as T;
}

function merged(earlier: Json, later: Json, at: readonly string[]): Json {
  const rule = ruleOf(at);
  if (rule?.kind === "replace") return later;
  if (Array.isArray(earlier) && Array.isArray(later)) {
    if (at.join(".").endsWith("ipam.config")) return mergedSubnets(earlier, later);
    return once([...earlier, ...later], rule);
  }
  if (!isJsonObject(earlier) || !isJsonObject(later)) return later ?? earlier;
  return rule?.kind === "same" && isOther(earlier[rule.field], later[rule.field])
    ? later
    : mergedMappings(earlier, later, at);
}

function isOther(before: Json | undefined, after: Json | undefined): boolean {
  return before !== undefined && after !== undefined && before !== after;
}

function mergedMappings(earlier: JsonObject, later: JsonObject, at: readonly string[]): JsonObject {
  const hasNulls = ruleOf(at)?.kind === "nulls";
  const result: JsonObject = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    if (value === undefined || (value === null && key in earlier && !hasNulls)) continue;
    const before = result[key] ?? null;
    const inner = [...at, key];
    result[key] =
      before === null || value === null ? whole(value, inner) : merged(before, value, inner);
  }
  return result;
}

/** A value that nothing precedes, without what its lists say twice. */
function whole(value: Json, at: readonly string[]): Json {
  if (Array.isArray(value)) return once(value, ruleOf(at));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(
    ([key, it]) => [key, it === undefined ? undefined : whole(it, [...at, key])] as const,
  );
  return Object.fromEntries(entries);
}

function once(list: readonly Json[], rule: Rule | undefined): Json[] {
  if (rule?.kind !== "unique") return [...list];
  return [...new Map(list.map((it) => [rule.key(it), it])).values()];
}

function ruleOf([part, , ...rest]: readonly string[]): Rule | undefined {
  if (part !== "services" || rest.length === 0) return undefined;
  const [first = "", second, ...more] = rest;
  const key = rest.join(".");
  if (Object.hasOwn(rules, key)) return rules[key];
  if (second === undefined) return undefined;
  const general = [first, "*", ...more].join(".");
  return Object.hasOwn(rules, general) ? rules[general] : undefined;
}

/** Address ranges of one subnet are one. */
function mergedSubnets(earlier: readonly Json[], later: readonly Json[]): Json[] {
  const subnetOf = (it: Json): Json | undefined => (isJsonObject(it) ? it["subnet"] : undefined);
  const bySubnet = new Map<Json | undefined, Json>();
  for (const it of [...earlier, ...later]) {
    const before = bySubnet.get(subnetOf(it));
    const isBoth = isJsonObject(before) && isJsonObject(it);
    bySubnet.set(subnetOf(it), isBoth ? { ...before, ...it } : it);
  }
  return [...bySubnet.values()];
}
