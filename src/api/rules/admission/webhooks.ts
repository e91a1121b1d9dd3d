import type {
  AdmissionregistrationV1ServiceReference,
  AdmissionregistrationV1WebhookClientConfig,
  MutatingWebhook,
} from "#api/gen/types.ts";
import { dns1035LabelFaults, dns1123SubdomainFaults, portNumberFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import {
  checkMatchConditions,
  checkOperationRule,
  failurePolicies,
  matchPolicies,
} from "./matching.ts";

const reviewVersions = ["v1", "v1beta1"];
const sideEffects = ["None", "NoneOnDryRun"];

/** Webhooks of both sorts; a validating one has no reinvocation policy. */
export function checkWebhooks(hooks: readonly Loose<MutatingWebhook>[], at: Faults): void {
  const seen = new Set<string>();
  for (const [i, hook] of hooks.entries()) {
    const name = hook.name ?? "";
    at.enter("webhooks", i);
    checkWebhook(hook, at);
    checkReviewVersions(hook.admissionReviewVersions ?? [], at);
    if (name !== "" && seen.has(name)) at.duplicate("name", name);
    seen.add(name);
    at.leave();
  }
}

function checkWebhook(hook: Loose<MutatingWebhook>, at: Faults): void {
  checkFullName("name", hook.name ?? "", at);
  for (const [i, rule] of (hook.rules ?? []).entries()) {
    at.enter("rules", i);
    checkOperationRule(rule, at);
    at.leave();
  }
  at.optionalOneOf("failurePolicy", hook.failurePolicy, failurePolicies);
  at.optionalOneOf("matchPolicy", hook.matchPolicy, matchPolicies);
  if (hook.sideEffects === undefined) {
    at.required("sideEffects", `must specify one of ${sideEffects.join(", ")}`);
  } else {
    at.optionalOneOf("sideEffects", hook.sideEffects, sideEffects);
  }
  const timeout = hook.timeoutSeconds;
  if (timeout !== undefined && (timeout > 30 || timeout < 1)) {
    const detail = "the timeout value must be between 1 and 30 seconds";
    at.invalid("timeoutSeconds", timeout, detail);
  }
  checkSelector("namespaceSelector", hook.namespaceSelector, at);
  checkSelector("objectSelector", hook.objectSelector, at);
  at.optionalOneOf("reinvocationPolicy", hook.reinvocationPolicy, ["IfNeeded", "Never"]);
  checkClient(hook.clientConfig ?? {}, at);
  checkMatchConditions(hook.matchConditions ?? [], at);
}

function checkFullName(name: string, value: string, at: Faults): void {
  if (value === "") {
    at.required(name);
    return;
  }
  const faults = dns1123SubdomainFaults(value);
  if (faults.length > 0) at.invalid(name, value, faults.join(","));
  else if (value.split(".").length < 3) {
    const detail = "should be a domain with at least three segments separated by dots";
    at.invalid(name, value, detail);
  }
}

function checkReviewVersions(versions: readonly string[], at: Faults): void {
  const name = "admissionReviewVersions";
  if (versions.length === 0) {
    at.required(name, `must specify one of ${reviewVersions.join(", ")}`);
    return;
  }
  for (const [i, it] of versions.entries()) {
    if (versions.indexOf(it) < i) at.invalid(`${name}[${i}]`, it, "duplicate version");
    else at.invalidAll(`${name}[${i}]`, it, dns1035LabelFaults(it));
  }
  if (!versions.some((it) => reviewVersions.includes(it))) {
    at.invalid(name, versions, `must include at least one of ${reviewVersions.join(", ")}`);
  }
}

function checkClient(config: Loose<AdmissionregistrationV1WebhookClientConfig>, at: Faults): void {
  at.enter("clientConfig");
  if ((config.url === undefined) === (config.service === undefined)) {
    at.required("", "exactly one of url or service is required");
  } else if (config.url !== undefined) {
    checkUrl("url", config.url, at);
  } else if (config.service !== undefined) {
    checkService(config.service, at);
  }
  at.leave();
}

/** Upstream: `ValidateWebhookURL`. */
function checkUrl(name: string, text: string, at: Faults): void {
  const form = "; desired format: https://host[/path]";
  const url = URL.parse(text);
  if (url === null) {
    at.required(name, `url must be a valid URL: parse ${JSON.stringify(text)}${form}`);
    return;
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "https") at.invalid(name, scheme, `'https' is the only allowed URL scheme${form}`);
  if (url.host === "") at.invalid(name, "", `host must be specified${form}`);
  if (url.username !== "") {
    at.invalid(name, url.username, "user information is not permitted in the URL");
  }
  if (url.hash !== "") at.invalid(name, url.hash, "fragments are not permitted in the URL");
  if (url.search !== "") {
    at.invalid(name, url.search.slice(1), "query parameters are not permitted in the URL");
  }
}

/** Upstream: `ValidateWebhookService`. */
function checkService(service: Loose<AdmissionregistrationV1ServiceReference>, at: Faults): void {
  const { port = 0, path = "" } = service;
  at.enter("service");
  if ((service.name ?? "") === "") at.required("name");
  if ((service.namespace ?? "") === "") at.required("namespace");
  const faults = portNumberFaults(port);
  if (faults.length > 0) at.invalid("port", port, `port is not valid: ${faults.join(", ")}`);
  if (path === "//") at.invalid("path", path, "segment[0] may not be empty");
  else if (path !== "" && path !== "/") checkPath(path, at);
  at.leave();
}

function checkPath(path: string, at: Faults): void {
  if (!path.startsWith("/")) at.invalid("path", path, "must start with a '/'");
  const steps = path.slice(1).replace(/\/$/, "").split("/");
  for (const [i, step] of steps.entries()) {
    if (step === "") at.invalid("path", path, `segment[${i}] may not be empty`);
    else {
      const faults = dns1123SubdomainFaults(step).map((it) => `segment[${i}]: ${it}`);
      at.invalidAll("path", path, faults);
    }
  }
}
