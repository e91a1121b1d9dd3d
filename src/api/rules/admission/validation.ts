import type {
  AuditAnnotation,
  Mutation,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  Validation,
  Variable,
} from "#api/gen/types.ts";
import {
  dns1035LabelFaults,
  dns1123SubdomainFaults,
  identifierFaults,
  pathSegmentFaults,
  qualifiedNameFaults,
} from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import {
  checkChangingOperations,
  checkMatchConditions,
  checkMatchResources,
  failurePolicies,
} from "./matching.ts";
import { checkWebhooks } from "./webhooks.ts";

/**
 * Upstream: `pkg/apis/admissionregistration/validation/validation.go`. Expressions are compiled by
 * the admission plugins; here they only have to be there.
 */

export function validateValidatingWebhooks(
  it: Loose<ValidatingWebhookConfiguration>,
  at: Faults,
): void {
  checkWebhooks(it.webhooks ?? [], at);
}

export function validateMutatingWebhooks(
  it: Loose<MutatingWebhookConfiguration>,
  at: Faults,
): void {
  checkWebhooks(it.webhooks ?? [], at);
}

type Policy = Loose<ValidatingAdmissionPolicy> | Loose<MutatingAdmissionPolicy>;

function checkPolicy(it: Policy, at: Faults): void {
  const spec = it.spec ?? {};
  at.oneOf("failurePolicy", spec.failurePolicy, failurePolicies);
  if (spec.paramKind !== undefined) checkParamKind(spec.paramKind, at);
  const match = spec.matchConstraints;
  if (match === undefined) at.required("matchConstraints");
  checkMatchResources("matchConstraints", match, at);
  if (match !== undefined && (match.resourceRules ?? []).length === 0) {
    at.required("matchConstraints.resourceRules");
  }
  checkMatchConditions(spec.matchConditions ?? [], at);
  for (const [i, variable] of (spec.variables ?? []).entries()) {
    at.enter("variables", i);
    checkVariable(variable, at);
    at.leave();
  }
}

export function validateValidatingPolicy(it: Loose<ValidatingAdmissionPolicy>, at: Faults): void {
  const { validations = [], auditAnnotations = [] } = it.spec ?? {};
  at.enter("spec");
  checkPolicy(it, at);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const detail = "validations or auditAnnotations must contain at least one item";
    at.required("validations", detail);
    at.required("auditAnnotations", detail);
  }
  for (const [i, validation] of validations.entries()) {
    at.enter("validations", i);
    checkValidation(validation, at);
    at.leave();
  }
  checkAudit(auditAnnotations, it.metadata?.name ?? "", at);
  at.leave();
}

export function validateMutatingPolicy(it: Loose<MutatingAdmissionPolicy>, at: Faults): void {
  const mutations = it.spec?.mutations ?? [];
  at.enter("spec");
  checkPolicy(it, at);
  checkChangingOperations("matchConstraints", it.spec?.matchConstraints, at);
  if (mutations.length === 0) at.required("mutations", "mutations must contain at least one item");
  for (const [i, mutation] of mutations.entries()) {
    at.enter("mutations", i);
    checkMutation(mutation, at);
    at.leave();
  }
  at.oneOf("reinvocationPolicy", it.spec?.reinvocationPolicy, ["IfNeeded", "Never"]);
  at.leave();
}

function checkParamKind(param: Loose<ParamKind>, at: Faults): void {
  const { apiVersion = "", kind = "" } = param;
  at.enter("paramKind");
  if (apiVersion === "") at.required("apiVersion");
  else checkApiVersion(apiVersion, at);
  if (kind === "") at.required("kind");
  else {
    const faults = dns1035LabelFaults(kind.toLowerCase());
    if (faults.length > 0) {
      const detail = `may have mixed case, but should otherwise match: ${faults.join(",")}`;
      at.invalid("kind", kind, detail);
    }
  }
  at.leave();
}

function checkApiVersion(text: string, at: Faults): void {
  const parts = text.split("/");
  if (parts.length > 2) {
    at.invalid("apiVersion", text, `unexpected GroupVersion string: ${text}`);
    return;
  }
  const version = parts.pop() ?? "";
  const group = parts.pop() ?? "";
  const faults = group === "" ? [] : dns1123SubdomainFaults(group);
  if (faults.length > 0) at.invalid("apiVersion", group, faults.join(","));
  if (version === "") at.invalid("apiVersion", text, "version must be specified");
  else {
    const versionFaults = dns1035LabelFaults(version);
    if (versionFaults.length > 0) at.invalid("apiVersion", version, versionFaults.join(","));
  }
}

function checkVariable(variable: Loose<Variable>, at: Faults): void {
  const name = variable.name ?? "";
  if (name.trim() === "") at.required("name", "name is not specified");
  else if (identifierFaults(name).length > 0) {
    at.invalid("name", name, "must be a valid CEL identifier");
  }
  if ((variable.expression ?? "").trim() === "") {
    at.required("expression", "expression is not specified");
  }
}

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

function checkValidation(validation: Loose<Validation>, at: Faults): void {
  const { message = "", messageExpression = "" } = validation;
  if ((validation.expression ?? "").trim() === "") {
    at.required("expression", "expression is not specified");
  }
  if (messageExpression !== "" && messageExpression.trim() === "") {
    at.invalid("messageExpression", messageExpression, "must be non-empty if specified");
  }
  if (message !== "" && message.trim() === "") {
    at.invalid("message", message, "must be non-empty if specified");
  } else if (/[\n\r]/.test(message.trim())) {
    at.invalid("message", message, "must not contain line breaks");
  }
  at.optionalOneOf("reason", validation.reason, reasons);
}

const maxAudit = 20;
const maxAuditExpression = 5 * 1024;

function checkAudit(list: readonly Loose<AuditAnnotation>[], policy: string, at: Faults): void {
  if (list.length > maxAudit) {
    at.invalid("auditAnnotations", list, `must not have more than ${maxAudit} auditAnnotations`);
  }
  const seen = new Set<string>();
  for (const [i, it] of list.entries()) {
    const { key = "", valueExpression: expression = "" } = it;
    at.enter("auditAnnotations", i);
    const full = `${policy}/${key}`;
    at.invalidAll("key", full, qualifiedNameFaults(full));
    if (expression.trim() === "") {
      at.required("valueExpression", "valueExpression is not specified");
    } else if (expression.trim().length > maxAuditExpression) {
      at.required("valueExpression", `must not exceed ${maxAuditExpression} bytes in length`);
    }
    if (seen.has(key)) at.duplicate("key", key);
    seen.add(key);
    at.leave();
  }
}

const patchFields = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;

function checkMutation(mutation: Loose<Mutation>, at: Faults): void {
  const type = mutation.patchType ?? "";
  at.oneOf("patchType", type, Object.keys(patchFields));
  if (type !== "ApplyConfiguration" && type !== "JSONPatch") return;
  const own = patchFields[type];
  const other = own === "jsonPatch" ? "applyConfiguration" : "jsonPatch";
  const patch = mutation[own];
  if (patch === undefined) at.required(own, `must be specified when patchType is ${type}`);
  else if ((patch.expression ?? "").trim() === "") at.required(`${own}.expression`);
  if (mutation[other] !== undefined) {
    at.invalid(other, `{${other}}`, `must not be specified when patchType is ${type}`);
  }
}

type Binding = Loose<ValidatingAdmissionPolicyBinding> | Loose<MutatingAdmissionPolicyBinding>;

function checkBinding(it: Binding, at: Faults): void {
  const name = it.spec?.policyName ?? "";
  if (name === "") at.required("policyName");
  else at.invalidAll("policyName", name, dns1123SubdomainFaults(name));
  if (it.spec?.paramRef !== undefined) checkParamRef(it.spec.paramRef, at);
  checkMatchResources("matchResources", it.spec?.matchResources, at);
}

export function validateValidatingPolicyBinding(
  it: Loose<ValidatingAdmissionPolicyBinding>,
  at: Faults,
): void {
  at.enter("spec");
  checkBinding(it, at);
  checkActions(it.spec?.validationActions ?? [], at);
  at.leave();
}

export function validateMutatingPolicyBinding(
  it: Loose<MutatingAdmissionPolicyBinding>,
  at: Faults,
): void {
  at.enter("spec");
  checkBinding(it, at);
  checkChangingOperations("matchResources", it.spec?.matchResources, at);
  at.leave();
}

function checkActions(actions: readonly string[], at: Faults): void {
  for (const [i, it] of actions.entries()) {
    at.optionalOneOf(`validationActions[${i}]`, it, ["Audit", "Deny", "Warn"]);
    if (actions.indexOf(it) < i) at.duplicate(`validationActions[${i}]`, it);
  }
  if (actions.includes("Deny") && actions.includes("Warn")) {
    const detail =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    at.invalid("validationActions", actions, detail);
  }
  if (actions.length === 0) {
    at.required("validationActions", "at least one validation action is required");
  }
}

function checkParamRef(ref: Loose<ParamRef>, at: Faults): void {
  const name = ref.name ?? "";
  at.enter("paramRef");
  if (name !== "") at.invalidAll("name", name, pathSegmentFaults(name));
  checkSelector("selector", ref.selector, at);
  if (name !== "" && ref.selector !== undefined) {
    at.forbidden("name", "name and selector are mutually exclusive");
    at.forbidden("selector", "name and selector are mutually exclusive");
  }
  if (name === "" && ref.selector === undefined) {
    at.required("", "one of name or selector must be specified");
  }
  at.oneOf("parameterNotFoundAction", ref.parameterNotFoundAction, ["Deny", "Allow"]);
  at.leave();
}
