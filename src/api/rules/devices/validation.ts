import type {
  DeviceClaim,
  DeviceClass,
  DeviceClassConfiguration,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceTaint,
  DeviceToleration,
  ResourceV1ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
  ResourceSliceSpec,
} from "#api/gen/types.ts";
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  labelValueFaults,
  qualifiedNameFaults,
} from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkNodeSelector } from "#api/rules/pod/scheduling.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkCsiDriverName } from "#api/rules/storage/driver-name.ts";

/**
 * Upstream: `pkg/apis/resource/validation/validation.go`. Selector expressions are compiled by
 * whoever allocates, not here.
 */

/** How long the lists may be, by field. */
const limits: Readonly<Record<string, number>> = {
  config: 32,
  constraints: 32,
  devices: 128,
  firstAvailable: 8,
  requests: 32,
  reservedFor: 256,
  selectors: 32,
  taints: 16,
  tolerations: 16,
};

const maxExpression = 10 * 1024;

/** What is required, and how it is spelled. */
function checkName(
  name: string,
  value: string | undefined,
  faultsOf: (value: string) => readonly string[],
  at: Faults,
): void {
  if (value === undefined || value === "") at.required(name);
  else at.invalidAll(name, value, faultsOf(value));
}

function each<T>(
  name: string,
  list: readonly T[] | undefined,
  at: Faults,
  check: (item: T, at: Faults) => void,
): void {
  const items = list ?? [];
  const max = limits[name] ?? items.length;
  if (items.length > max) {
    at.tooMany(name, items.length, max);
    return;
  }
  for (const [i, item] of items.entries()) {
    at.enter(name, i);
    check(item, at);
    at.leave();
  }
}

function checkUnique(name: string, keys: readonly string[], at: Faults): void {
  for (const [i, key] of keys.entries()) {
    if (keys.indexOf(key) < i) at.duplicate(`${name}[${i}]`, key);
  }
}

export function validateDeviceClass(it: Loose<DeviceClass>, at: Faults): void {
  at.enter("spec");
  each("selectors", it.spec?.selectors, at, checkSelector);
  each("config", it.spec?.config, at, checkConfig);
  at.leave();
}

export function validateClaim(it: Loose<ResourceV1ResourceClaim>, at: Faults): void {
  at.enter("spec.devices");
  checkDevices(it.spec?.devices ?? {}, at);
  at.leave();
}

export function validateClaimTemplate(it: Loose<ResourceClaimTemplate>, at: Faults): void {
  at.enter("spec.spec.devices");
  checkDevices(it.spec?.spec?.devices ?? {}, at);
  at.leave();
}

/** For kinds whose spec stays as it was made. */
export function validateSpecKept(
  next: { readonly spec?: unknown },
  previous: { readonly spec?: unknown },
  at: Faults,
): void {
  if (!semanticEqual(next.spec, previous.spec)) at.invalid("spec", next.spec, "field is immutable");
}

function checkDevices(claim: Loose<DeviceClaim>, at: Faults): void {
  const requests = claim.requests ?? [];
  const names = new Set(requests.flatMap(namesOf));
  each("requests", requests, at, checkRequest);
  checkUnique(
    "requests",
    requests.map((it) => it.name ?? ""),
    at,
  );
  each("constraints", claim.constraints, at, (it) => {
    checkReferences(it.requests ?? [], names, at);
    if (it.matchAttribute === undefined && it.distinctAttribute === undefined) {
      at.required(
        "",
        'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      );
    }
  });
  each("config", claim.config, at, (it) => {
    checkReferences(it.requests ?? [], names, at);
    checkConfig(it, at);
  });
}

function namesOf(request: Loose<DeviceRequest>): string[] {
  const name = request.name ?? "";
  return [name, ...(request.firstAvailable ?? []).map((it) => `${name}/${it.name ?? ""}`)];
}

function checkReferences(
  requests: readonly string[],
  names: ReadonlySet<string>,
  at: Faults,
): void {
  for (const [i, it] of requests.entries()) {
    if (names.has(it)) continue;
    const detail =
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    at.invalid(`requests[${i}]`, it, detail);
  }
  checkUnique("requests", requests, at);
}

function checkRequest(request: Loose<DeviceRequest>, at: Faults): void {
  const { exactly, firstAvailable: options = [] } = request;
  checkName("name", request.name, dns1123LabelFaults, at);
  if (exactly === undefined && options.length === 0) {
    at.required("", "exactly one of `exactly` or `firstAvailable` is required");
  } else if (exactly !== undefined && options.length > 0) {
    const detail =
      "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
    at.invalid("", null, detail);
  } else if (exactly !== undefined) {
    at.enter("exactly");
    checkOption(exactly, at);
    at.leave();
  } else {
    each("firstAvailable", options, at, (it) => {
      checkName("name", it.name, dns1123LabelFaults, at);
      checkOption(it, at);
    });
    checkUnique(
      "firstAvailable",
      options.map((it) => it.name ?? ""),
      at,
    );
  }
}

function checkOption(option: Loose<Omit<DeviceSubRequest, "name">>, at: Faults): void {
  const { allocationMode: mode = "", count = 0 } = option;
  checkName("deviceClassName", option.deviceClassName, dns1123SubdomainFaults, at);
  each("selectors", option.selectors, at, checkSelector);
  if (mode === "All") {
    if (count !== 0) {
      at.invalid("count", count, "must not be specified when allocationMode is 'All'");
    }
  } else if (mode === "ExactCount") {
    if (count <= 0) at.invalid("count", count, "must be greater than zero");
  } else {
    at.notSupported("allocationMode", mode, ["All", "ExactCount"]);
  }
  each("tolerations", option.tolerations, at, checkToleration);
}

function checkSelector(selector: Loose<DeviceSelector>, at: Faults): void {
  if (selector.cel === undefined) at.required("cel");
  else if ((selector.cel.expression ?? "").length > maxExpression) {
    at.tooLong("cel.expression", maxExpression);
  }
}

function checkConfig(config: Loose<DeviceClassConfiguration>, at: Faults): void {
  if (config.opaque === undefined) {
    at.required("opaque");
    return;
  }
  checkCsiDriverName("opaque.driver", config.opaque.driver, at);
  if (config.opaque.parameters === undefined) at.required("opaque.parameters");
}

const effects = ["NoExecute", "NoSchedule", "None"];

function checkToleration(it: Loose<DeviceToleration>, at: Faults): void {
  const { key = "", value = "", operator } = it;
  if (key !== "") at.invalidAll("key", key, qualifiedNameFaults(key));
  at.oneOf("operator", operator, ["Equal", "Exists"]);
  if (operator === "Exists" && value !== "") {
    at.invalid("value", value, "must be empty for operator `Exists`");
  }
  if (operator === "Equal") at.invalidAll("value", value, labelValueFaults(value));
  at.optionalOneOf("effect", it.effect, effects);
}

function checkTaint(it: Loose<DeviceTaint>, at: Faults): void {
  at.invalidAll("key", it.key, qualifiedNameFaults(it.key ?? ""));
  at.invalidAll("value", it.value, labelValueFaults(it.value ?? ""));
  at.oneOf("effect", it.effect, effects);
}

export function validateClaimStatus(
  next: Loose<ResourceV1ResourceClaim>,
  previous: Loose<ResourceV1ResourceClaim>,
  at: Faults,
): void {
  const { reservedFor = [], allocation } = next.status ?? {};
  at.enter("status");
  each("reservedFor", reservedFor, at, (it) => {
    for (const key of ["resource", "name", "uid"] as const) {
      if ((it[key] ?? "") === "") at.required(key);
    }
  });
  checkUnique(
    "reservedFor",
    reservedFor.map((it) => it.uid ?? ""),
    at,
  );
  if (reservedFor.length > 0 && allocation === undefined) {
    at.forbidden("reservedFor", "may not be specified when `allocated` is not set");
  } else if (next.metadata?.deletionTimestamp !== undefined) {
    const old = new Set((previous.status?.reservedFor ?? []).map((it) => it.uid));
    if (reservedFor.some((it) => !old.has(it.uid))) {
      const detail =
        "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
      at.forbidden("reservedFor", detail);
    }
  }
  const before = previous.status?.allocation;
  if (before !== undefined && allocation !== undefined && !semanticEqual(allocation, before)) {
    at.invalid("allocation", allocation, "field is immutable");
  }
  at.leave();
}

export function validateSlice(it: Loose<ResourceSlice>, at: Faults): void {
  const spec = it.spec ?? {};
  at.enter("spec");
  checkCsiDriverName("driver", spec.driver, at);
  checkPool(spec, at);
  checkPlace(spec, at);
  each("devices", spec.devices, at, (device) => {
    checkName("name", device.name, dns1123LabelFaults, at);
    each("taints", device.taints, at, checkTaint);
  });
  checkUnique(
    "devices",
    (spec.devices ?? []).map((device) => device.name ?? ""),
    at,
  );
  at.leave();
}

function checkPool(spec: Loose<ResourceSliceSpec>, at: Faults): void {
  const { name = "", generation = 0, resourceSliceCount: count = 0 } = spec.pool ?? {};
  at.enter("pool");
  if (name === "") at.required("name");
  else {
    if (name.length > 253) at.tooLong("name", 253);
    for (const part of name.split("/")) {
      at.invalidAll("name", part, dns1123SubdomainFaults(part));
    }
  }
  if (count <= 0) at.invalid("resourceSliceCount", count, "must be greater than zero");
  at.nonNegative("generation", generation);
  at.leave();
}

function checkPlace(spec: Loose<ResourceSliceSpec>, at: Faults): void {
  const places = [
    (spec.nodeName ?? "") === "" ? "" : "`nodeName`",
    spec.nodeSelector === undefined ? "" : "`nodeSelector`",
    spec.allNodes === true ? "`allNodes`" : "",
    spec.perDeviceNodeSelection === true ? "`perDeviceNodeSelection`" : "",
  ].filter((it) => it !== "");
  if (spec.nodeName === "") {
    at.invalid("nodeName", "", "must be either unset or set to a non-empty string");
  } else if (spec.nodeName !== undefined) {
    at.invalidAll("nodeName", spec.nodeName, dns1123SubdomainFaults(spec.nodeName));
  }
  if (spec.nodeSelector !== undefined) {
    at.enter("nodeSelector");
    checkNodeSelector(spec.nodeSelector, at);
    at.leave();
  }
  const detail =
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  if (places.length === 0) at.required("", detail);
  else if (places.length > 1) at.invalid("", `{${places.join(", ")}}`, detail);
}

export function validateSliceUpdate(
  next: Loose<ResourceSlice>,
  previous: Loose<ResourceSlice>,
  at: Faults,
): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  at.enter("spec");
  const kept: readonly [string, string | undefined, string | undefined][] = [
    ["pool.name", spec.pool?.name, old.pool?.name],
    ["driver", spec.driver, old.driver],
    ["nodeName", spec.nodeName, old.nodeName],
  ];
  for (const [name, now, before] of kept) {
    if (now !== before) at.invalid(name, now ?? null, "field is immutable");
  }
  at.leave();
}
