import type {
  FlowcontrolV1Subject,
  FlowSchema,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/flowcontrol/validation/validation.go`. */

const maxPrecedence = 10_000;
const maxQueues = 10_000_000;

export function validateFlowSchema(it: Loose<FlowSchema>, at: Faults): void {
  const spec = it.spec ?? {};
  at.enter("spec");
  checkPrecedence(spec.matchingPrecedence ?? 0, it.metadata?.name, at);
  if (spec.distinguisherMethod !== undefined) {
    const type = spec.distinguisherMethod.type ?? "";
    at.optionalOneOf("distinguisherMethod.type", type, ["ByNamespace", "ByUser"]);
  }
  const level = spec.priorityLevelConfiguration?.name ?? "";
  const name = "priorityLevelConfiguration.name";
  if (level === "") at.required(name, "must reference a priority level");
  else at.invalidAll(name, level, dns1123SubdomainFaults(level));
  for (const [i, rule] of (spec.rules ?? []).entries()) {
    at.enter("rules", i);
    checkRule(rule, at);
    at.leave();
  }
  at.leave();
}

function checkPrecedence(precedence: number, schema: string | undefined, at: Faults): void {
  if (precedence <= 0) at.invalid("matchingPrecedence", precedence, "must be a positive value");
  if (precedence > maxPrecedence) {
    at.invalid("matchingPrecedence", precedence, `must not be greater than ${maxPrecedence}`);
  }
  if (precedence === 1 && schema !== "exempt") {
    const detail = "only the schema named 'exempt' may have matchingPrecedence 1";
    at.invalid("matchingPrecedence", precedence, detail);
  }
}

function checkRule(rule: Loose<PolicyRulesWithSubjects>, at: Faults): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) at.required("subjects", "subjects must contain at least one value");
  for (const [i, it] of subjects.entries()) {
    at.enter("subjects", i);
    checkSubject(it, at);
    at.leave();
  }
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    at.required("", "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  for (const [i, it] of resourceRules.entries()) {
    at.enter("resourceRules", i);
    checkResourceRule(it, at);
    at.leave();
  }
  for (const [i, it] of nonResourceRules.entries()) {
    at.enter("nonResourceRules", i);
    checkNonResourceRule(it, at);
    at.leave();
  }
}

const subjectFields = { Group: "group", ServiceAccount: "serviceAccount", User: "user" } as const;

function checkSubject(subject: Loose<FlowcontrolV1Subject>, at: Faults): void {
  const kind = subject.kind ?? "";
  if (!isSubjectKind(kind)) {
    at.notSupported("kind", kind, Object.keys(subjectFields));
    return;
  }
  const own = subjectFields[kind];
  if (subject[own] === undefined) {
    at.required(own, `${own} is required when subject kind is '${kind}'`);
  } else if ((subject[own].name ?? "") === "") {
    at.required(`${own}.name`);
  }
  const account = subject.serviceAccount;
  if (kind === "ServiceAccount" && account !== undefined) {
    const namespace = account.namespace ?? "";
    const name = "serviceAccount.namespace";
    if (namespace === "") at.required(name, "must specify namespace for service account");
    else at.invalidAll(name, namespace, dns1123LabelFaults(namespace));
  }
  for (const [other, name] of Object.entries(subjectFields)) {
    if (name !== own && subject[name] !== undefined) {
      at.forbidden(name, `${name} is forbidden when subject kind is not '${other}'`);
    }
  }
}

function isSubjectKind(kind: string): kind is keyof typeof subjectFields {
  return kind in subjectFields;
}

const verbs = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "proxy",
  "update",
  "watch",
];

function checkVerbs(wanted: readonly string[], at: Faults): void {
  if (wanted.length === 0) at.required("verbs", "verbs must contain at least one value");
  else if (wanted.includes("*")) checkAlone("verbs", wanted, "verbs", at);
  else if (wanted.some((it) => !verbs.includes(it))) at.notSupported("verbs", wanted, verbs);
}

/** `*` says it all. */
function checkAlone(name: string, list: readonly string[], what: string, at: Faults): void {
  if (list.length > 1 && list.includes("*")) {
    at.invalid(name, list, `if '*' is present, must not specify other ${what}`);
  }
}

function checkResourceRule(rule: Loose<ResourcePolicyRule>, at: Faults): void {
  const { apiGroups = [], resources = [], namespaces = [] } = rule;
  checkVerbs(rule.verbs ?? [], at);
  if (apiGroups.length === 0) {
    at.required("apiGroups", "resource rules must supply at least one api group");
  }
  checkAlone("apiGroups", apiGroups, "api groups", at);
  if (resources.length === 0) {
    at.required("resources", "resource rules must supply at least one resource");
  }
  checkAlone("resources", resources, "resources", at);
  if (namespaces.length === 0 && rule.clusterScope !== true) {
    const detail = "resource rules that are not cluster scoped must supply at least one namespace";
    at.required("namespaces", detail);
  } else if (namespaces.includes("*")) {
    checkAlone("namespaces", namespaces, "namespaces", at);
  } else {
    const intro = "each member of this list must be '*' or a DNS-1123 label; ";
    for (const [i, it] of namespaces.entries()) {
      const faults = dns1123LabelFaults(it).map((fault) => intro + fault);
      at.invalidAll(`namespaces[${i}]`, it, faults);
    }
  }
}

function checkNonResourceRule(rule: Loose<NonResourcePolicyRule>, at: Faults): void {
  const urls = rule.nonResourceURLs ?? [];
  checkVerbs(rule.verbs ?? [], at);
  if (urls.length === 0) {
    at.required("nonResourceURLs", "nonResourceURLs must contain at least one value");
  } else if (urls.includes("*")) {
    checkAlone("nonResourceURLs", urls, "non-resource URLs", at);
  } else {
    for (const [i, url] of urls.entries()) {
      const fault = urlFault(url);
      if (fault !== undefined) at.invalid(`nonResourceURLs[${i}]`, url, fault);
    }
  }
}

function urlFault(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  const star = url.indexOf("*");
  const isSuffix = star === url.length - 1 && url.endsWith("/*");
  return star < 0 || isSuffix ? undefined : "wildcard can only do suffix matching";
}

export function validatePriorityLevel(it: Loose<PriorityLevelConfiguration>, at: Faults): void {
  const { type = "", exempt, limited } = it.spec ?? {};
  at.enter("spec");
  if ((it.metadata?.name === "exempt") !== (type === "Exempt")) {
    at.invalid("type", type, "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  at.oneOf("type", type, ["Exempt", "Limited"]);
  if (type === "Exempt") {
    if (limited !== undefined) {
      at.forbidden("limited", "must be nil if the type is not Limited");
    }
    checkShares("exempt", exempt, at);
  } else if (type === "Limited") {
    if (exempt !== undefined) at.forbidden("exempt", "must be nil if the type is Limited");
    if (limited === undefined) {
      at.required("limited", "must not be empty when type is Limited");
    } else {
      checkShares("limited", limited, at);
      checkResponse(limited.limitResponse ?? {}, at);
      const borrowing = limited.borrowingLimitPercent;
      if (borrowing !== undefined && borrowing < 0) {
        const detail = "if specified, must be a non-negative integer";
        at.invalid("limited.borrowingLimitPercent", borrowing, detail);
      }
    }
  }
  at.leave();
}

interface Shares {
  readonly nominalConcurrencyShares?: number | undefined;
  readonly lendablePercent?: number | undefined;
}

function checkShares(name: string, it: Shares | undefined, at: Faults): void {
  const { nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 } = it ?? {};
  if (shares < 0) {
    at.invalid(`${name}.nominalConcurrencyShares`, shares, "must be a non-negative integer");
  }
  if (percent < 0 || percent > 100) {
    at.invalid(`${name}.lendablePercent`, percent, "must be between 0 and 100, inclusive");
  }
}

function checkResponse(response: Loose<LimitResponse>, at: Faults): void {
  at.enter("limited.limitResponse");
  at.oneOf("type", response.type, ["Queue", "Reject"]);
  if (response.type === "Reject" && response.queuing !== undefined) {
    at.forbidden("queuing", "must be nil if limited.limitResponse.type is not Limited");
  }
  if (response.type === "Queue") {
    if (response.queuing === undefined) {
      at.required("queuing", "must not be empty if limited.limitResponse.type is Limited");
    } else {
      checkQueuing(response.queuing, at);
    }
  }
  at.leave();
}

function checkQueuing(queuing: Loose<QueuingConfiguration>, at: Faults): void {
  const { queueLengthLimit: length = 0, queues = 0, handSize = 0 } = queuing;
  at.enter("queuing");
  if (length <= 0) at.invalid("queueLengthLimit", length, "must be positive");
  if (queues <= 0) at.invalid("queues", queues, "must be positive");
  else if (queues > maxQueues) {
    at.invalid("queues", queues, `must not be greater than ${maxQueues}`);
  }
  if (handSize <= 0) at.invalid("handSize", handSize, "must be positive");
  else if (handSize > queues) {
    at.invalid("handSize", handSize, `should not be greater than queues (${queues})`);
  }
  at.leave();
}
