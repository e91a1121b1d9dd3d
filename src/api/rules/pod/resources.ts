import type { ContainerResizePolicy, PodSpec, ResourceRequirements } from "#api/gen/types.ts";
import { dns1123LabelFaults } from "#api/names.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import {
  checkAmount,
  checkContainerResourceName,
  checkResourceName,
  isHugePages,
  isOvercommitAllowed,
  isPodLevelResource,
} from "./resource-names.ts";
import { totalOf } from "./totals.ts";

type ResourceList = Readonly<Record<string, string>>;
type NameCheck = (field: string, name: string, at: Faults) => void;

/** Requests and limits at the current place. Upstream: `validateResourceRequirements`. */
export function checkResources(
  resources: Loose<ResourceRequirements>,
  claims: ReadonlySet<string>,
  at: Faults,
  checkName: NameCheck = checkContainerResourceName,
): void {
  const limits = resources.limits;
  const requests = resources.requests;
  if (limits !== undefined) for (const name in limits) checkLimit(name, limits, checkName, at);
  if (requests !== undefined) {
    for (const name in requests) checkRequest(name, requests, limits, checkName, at);
  }
  checkHugePages(limits, requests, at);
  if (resources.claims !== undefined) checkClaims(resources.claims, claims, at);
}

function checkLimit(name: string, limits: ResourceList, checkName: NameCheck, at: Faults): void {
  const text = limits[name] ?? "";
  const field = isPlain(name) ? "" : `limits[${name}]`;
  if (field === "" && isPlainAmount(text)) return;
  checkName(`limits[${name}]`, name, at);
  checkAmount(`limits[${name}]`, name, text, at);
  if (isHugePages(name)) checkPageMultiple(`limits[${name}]`, name, text, at);
}

// The overwhelming case, decided without building a path.
function isPlain(name: string): boolean {
  return name === "cpu" || name === "memory";
}

function isPlainAmount(text: string): boolean {
  const first = text.charCodeAt(0);
  return first >= 48 && first <= 57 && findQuantity(text) !== undefined;
}

// eslint-disable-next-line max-params -- one rule over both lists, called in a hot loop.
function checkRequest(
  name: string,
  requests: ResourceList,
  limits: ResourceList | undefined,
  checkName: NameCheck,
  at: Faults,
): void {
  const text = requests[name] ?? "";
  const limitText = limits?.[name];
  if (!isPlain(name) || !isPlainAmount(text)) {
    checkName(`requests[${name}]`, name, at);
    checkAmount(`requests[${name}]`, name, text, at);
    if (isHugePages(name)) checkPageMultiple(`requests[${name}]`, name, text, at);
  }
  if (limitText === undefined) {
    if (!isOvercommitAllowed(name)) {
      at.required("limits", "Limit must be set for non overcommitable resources");
    }
    return;
  }
  if (limitText === text) return;
  const [amount, limit] = [findQuantity(text), findQuantity(limitText)];
  if (amount === undefined || limit === undefined) return;
  const order = amount.compare(limit);
  if (order !== 0 && !isOvercommitAllowed(name)) {
    at.invalid("requests", text, `must be equal to ${name} limit of ${limitText}`);
  } else if (order > 0) {
    at.invalid("requests", text, `must be less than or equal to ${name} limit of ${limitText}`);
  }
}

function checkPageMultiple(field: string, name: string, text: string, at: Faults): void {
  const page = findQuantity(name.slice("hugepages-".length))?.value() ?? 0;
  const amount = findQuantity(text)?.value() ?? 0;
  if (page > 0 && amount % page === 0) return;
  at.invalid(field, text, `${text} is not positive integer multiple of ${name}`);
}

function checkHugePages(
  limits: ResourceList | undefined,
  requests: ResourceList | undefined,
  at: Faults,
): void {
  let hasPages = false;
  for (const list of [limits, requests]) {
    if (list === undefined) continue;
    if (list["cpu"] !== undefined || list["memory"] !== undefined) return;
    for (const name in list) hasPages ||= isHugePages(name);
  }
  if (hasPages) at.forbidden("", "HugePages require cpu or memory");
}

function checkClaims(
  claims: NonNullable<Loose<ResourceRequirements>["claims"]>,
  known: ReadonlySet<string>,
  at: Faults,
): void {
  const seen = new Set<string>();
  for (const [i, claim] of claims.entries()) {
    const name = claim.name ?? "";
    const request = claim.request ?? "";
    if (name === "") {
      at.required(`claims[${i}]`);
      continue;
    }
    if (request !== "") {
      at.invalidAll(`claims[${i}].request`, request, dns1123LabelFaults(request));
    }
    const key = request === "" ? name : `${name}/${request}`;
    const isCovered = seen.has(name) || seen.has(key);
    const covers = request === "" && [...seen].some((it) => it.startsWith(`${name}/`));
    if (isCovered || covers) at.duplicate(`claims[${i}]`, seen.has(key) ? key : name);
    seen.add(key);
    if (!known.has(name)) at.notFound(`claims[${i}]`, name);
  }
}

const resizable = ["cpu", "memory"];
const resizePolicies = ["NotRequired", "RestartContainer"];

export function checkResizePolicies(
  policies: readonly Loose<ContainerResizePolicy>[],
  podRestartPolicy: string | undefined,
  at: Faults,
): void {
  const seen = new Set<string>();
  for (const [i, it] of policies.entries()) {
    const name = it.resourceName ?? "";
    if (seen.has(name)) at.duplicate(`resizePolicy[${i}]`, name);
    seen.add(name);
    at.oneOf("resizePolicy", name, resizable);
    at.oneOf("resizePolicy", it.restartPolicy, resizePolicies);
    if (podRestartPolicy === "Never" && it.restartPolicy !== "NotRequired") {
      const detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
      at.invalid("resizePolicy", it.restartPolicy, detail);
    }
  }
}

/** `spec.resources` of a pod, against those of its containers. Upstream: `validatePodResources`. */
export function checkPodResources(spec: Loose<PodSpec>, at: Faults): void {
  const resources = spec.resources;
  if (resources === undefined) return;
  if (spec.os?.name === "windows") {
    at.forbidden("resources", "may not be set for a windows pod");
    return;
  }
  at.enter("resources");
  if (resources.claims !== undefined) {
    at.forbidden("claims", "claims may not be set for Resources at pod-level");
  }
  checkResources(resources, new Set(), at, checkPodResourceName);
  for (const [name, total] of totalOf(spec, "requests")) {
    const own = amountOf(resources.requests, name);
    if (own === undefined || total.compare(own) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${total.toString()}`;
    at.invalid(`requests[${name}]`, own.toString(), detail);
  }
  for (const [name, total] of totalOf(spec, "limits")) {
    const own = amountOf(resources.limits, name);
    if (own === undefined || !isHugePages(name) || total.compare(own) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container limits of ${total.toString()}`;
    at.invalid(`limits[${name}]`, own.toString(), detail);
  }
  checkContainerLimits(spec, resources.limits, at);
  at.leave();
}

function checkContainerLimits(
  spec: Loose<PodSpec>,
  limits: ResourceList | undefined,
  at: Faults,
): void {
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const name in container.resources?.limits) {
      const own = amountOf(limits, name);
      const limit = amountOf(container.resources.limits, name);
      if (own === undefined || limit === undefined || limit.compare(own) <= 0) continue;
      const detail = `must be less than or equal to pod limits of ${own.toString()}`;
      at.invalid(`containers[${i}][${name}].limits`, limit.toString(), detail);
    }
  }
}

function amountOf(list: ResourceList | undefined, name: string): Quantity | undefined {
  const text = list?.[name];
  return text === undefined ? undefined : findQuantity(text);
}

function checkPodResourceName(field: string, name: string, at: Faults): void {
  if (!checkResourceName(field, name, at)) return;
  if (!isPodLevelResource(name)) at.notSupported(field, name, ["cpu", "hugepages-", "memory"]);
}
