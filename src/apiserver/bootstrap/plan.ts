import {
  childList,
  childObject,
  childString,
  isJsonObject,
  type Json,
  type JsonObject,
} from "#api/object.ts";
import { missingRights } from "#apiserver/auth/rbac/covers.ts";
import { ruleObject, rulesOf } from "#apiserver/auth/rbac/rules.ts";

const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

/**
 * A default role or binding brought up to what this version needs: rights, subjects, labels and
 * annotations that are missing are added, and nothing is taken away. Undefined when nothing is
 * missing, or when its administrator has switched this off by the annotation. Upstream:
 * component-helpers `auth/rbac/reconciliation`.
 */
export function reconciled(existing: JsonObject, wanted: JsonObject): JsonObject | undefined {
  const metadata = childObject(existing, "metadata");
  if (childString(childObject(metadata, "annotations"), autoUpdate) === "false") return undefined;
  const changes: JsonObject = {
    ...metadataChange(existing, wanted),
    ...rulesChange(existing, wanted),
    ...subjectsChange(existing, wanted),
  };
  return Object.keys(changes).length === 0 ? undefined : { ...existing, ...changes };
}

function metadataChange(existing: JsonObject, wanted: JsonObject): JsonObject {
  const metadata = childObject(existing, "metadata") ?? {};
  const changed: JsonObject = {};
  for (const key of ["labels", "annotations"]) {
    const has = childObject(metadata, key) ?? {};
    const needs = childObject(childObject(wanted, "metadata"), key) ?? {};
    // What is there is kept, even with another value.
    const missing = Object.entries(needs).filter(([name]) => has[name] === undefined);
    if (missing.length > 0) changed[key] = { ...has, ...Object.fromEntries(missing) };
  }
  return Object.keys(changed).length === 0 ? {} : { metadata: { ...metadata, ...changed } };
}

function rulesChange(existing: JsonObject, wanted: JsonObject): JsonObject {
  // The rules of a role that gathers others are the aggregation's to keep.
  const gathers = childObject(wanted, "aggregationRule");
  if (gathers !== undefined) return aggregationChange(existing, gathers);
  if (JSON.stringify(existing["rules"]) === JSON.stringify(wanted["rules"])) return {};
  const missing = missingRights(rulesOf(existing), rulesOf(wanted));
  if (missing.length === 0) return {};
  return { rules: [...childList(existing, "rules"), ...missing.map(ruleObject)] };
}

function aggregationChange(existing: JsonObject, wanted: JsonObject): JsonObject {
  const has = childList(childObject(existing, "aggregationRule"), "clusterRoleSelectors");
  const missing = without(childList(wanted, "clusterRoleSelectors"), has);
  if (missing.length === 0) return {};
  return { aggregationRule: { clusterRoleSelectors: [...has, ...missing] } };
}

function subjectsChange(existing: JsonObject, wanted: JsonObject): JsonObject {
  const has = childList(existing, "subjects");
  const missing = without(childList(wanted, "subjects"), has);
  return missing.length === 0 ? {} : { subjects: [...has, ...missing] };
}

function without(wanted: readonly Json[], has: readonly Json[]): Json[] {
  const known = new Set(has.map(canonical));
  return wanted.filter((it) => !known.has(canonical(it)));
}

function canonical(value: Json): string {
  if (!isJsonObject(value)) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * An object whose `parts` (top-level fields) must be as wanted, whoever changed them. Undefined
 * when they are. Order of keys does not count, extra keys in a map of `spec` do not either.
 */
export function replaced(
  existing: JsonObject,
  wanted: JsonObject,
  parts: readonly string[],
): JsonObject | undefined {
  const differing = parts.filter((it) => !includes(existing[it], wanted[it]));
  if (differing.length === 0) return undefined;
  const changes = differing.map((it): [string, Json | undefined] => {
    const [has, needs] = [existing[it], wanted[it]];
    return [it, isJsonObject(has) && isJsonObject(needs) ? { ...has, ...needs } : needs];
  });
  return { ...existing, ...Object.fromEntries(changes) };
}

function includes(has: Json | undefined, wanted: Json | undefined): boolean {
  if (isJsonObject(wanted)) {
    return isJsonObject(has) && Object.entries(wanted).every(([key, it]) => includes(has[key], it));
  }
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(has) &&
      has.length === wanted.length &&
      wanted.every((it, at) => includes(has[at], it))
    );
  }
  return has === wanted;
}
