import { childObject, type JsonObject } from "#api/object.ts";
import { invalidObject } from "#api/status.ts";
import { nameOf, refuse } from "#apiserver/admission/request.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { findingOf, isSignificant, namespaceWarnings } from "./findings.ts";
import { isSame, levelText, policyOf, strictness, type ReadPolicy } from "./policy.ts";
import { subjectOf } from "./subject.ts";
import { hasTemplate, templateOf } from "./templates.ts";

/** Paths of a pod that change nothing of its spec. */
const ignored = new Set([
  "exec",
  "attach",
  "binding",
  "eviction",
  "log",
  "portforward",
  "proxy",
  "status",
]);

/**
 * Pod Security Standards: a namespace says by labels which level its pods keep to. Pods that do not
 * are refused or warned of, what makes such pods is warned of. Upstream: `k8s.io/pod-security-admission`.
 */
export function podSecurity(objects: ObjectSource): AdmissionRule {
  const policyIn = policyReader(objects);
  return {
    name: "PodSecurity",
    validate(request) {
      const { operation, resource, object } = request;
      if (object === undefined || (operation !== "CREATE" && operation !== "UPDATE")) return;
      if (resource.group === "" && resource.plural === "pods") judgePod(policyIn, request, object);
      else if (resource.group === "" && resource.plural === "namespaces") {
        judgeNamespace(objects, request, object);
      } else if (hasTemplate(request)) judgeTemplate(policyIn, request);
    },
  };
}

function judgePod(policyIn: PolicyIn, request: AdmissionRequest, pod: JsonObject): void {
  if (ignored.has(request.subresource)) return;
  const read = policyIn(request.namespace);
  const { enforce, audit, warn } = read.policy;
  const { previous } = request;
  const isFree = [enforce, audit, warn].every((it) => it.level === "privileged");
  if (!isFree && request.operation === "UPDATE" && !isSignificant(pod, previous ?? {})) return;
  annotate(request, "enforce-policy", levelText(enforce));
  if (isFree) return;
  const subject = subjectOf(pod);
  const finding = findingOf(enforce, subject);
  auditOf(request, read, () => (isSame(audit, enforce) ? finding : findingOf(audit, subject)));
  if (finding !== undefined) throw refuse(request, `violates ${finding}`);
  if (!isSame(warn, enforce)) warnOf(request, findingOf(warn, subject));
}

function judgeTemplate(policyIn: PolicyIn, request: AdmissionRequest): void {
  if (request.subresource !== "") return;
  const read = policyIn(request.namespace);
  const { audit, warn } = read.policy;
  if (warn.level === "privileged" && audit.level === "privileged") return;
  const subject = templateOf(request);
  if (subject === undefined) return;
  const finding = findingOf(warn, subject);
  auditOf(request, read, () => (isSame(audit, warn) ? finding : findingOf(audit, subject)));
  warnOf(request, finding);
}

/** For the audit log: nothing is looked for where nobody keeps one. */
function auditOf(
  request: AdmissionRequest,
  { faults }: ReadPolicy,
  find: () => string | undefined,
): void {
  if (request.annotate === undefined) return;
  if (faults.length > 0) {
    const told = faults.map((it) => `${it.field}: ${it.message}`).join(", ");
    annotate(request, "error", `Failed to parse policy: ${told}`);
  }
  const finding = find();
  if (finding !== undefined) annotate(request, "audit-violations", `would violate ${finding}`);
}

function annotate(request: AdmissionRequest, key: string, value: string): void {
  request.annotate?.(`pod-security.kubernetes.io/${key}`, value);
}

function warnOf(request: AdmissionRequest, finding: string | undefined): void {
  if (finding !== undefined) request.warn?.(`would violate ${finding}`);
}

/** Labels must be right, and whoever makes a namespace stricter hears which pods are not. */
function judgeNamespace(
  objects: ObjectSource,
  request: AdmissionRequest,
  namespace: JsonObject,
): void {
  if (request.subresource !== "") return;
  const next = readPolicy(namespace);
  const name = nameOf(request);
  const kind = { group: "", kind: "Namespace" };
  if (request.operation === "CREATE") {
    if (next.faults.length > 0) throw invalidObject(kind, name, next.faults);
    return;
  }
  const before = readPolicy(request.previous);
  // What was wrong before may stay: other labels must remain changeable.
  const areNew = JSON.stringify(next.faults) !== JSON.stringify(before.faults);
  if (next.faults.length > 0 && areNew) throw invalidObject(kind, name, next.faults);
  const [now, then] = [next.policy.enforce, before.policy.enforce];
  if (isSame(now, then) || now.level === "privileged") return;
  if (now.minor === then.minor && strictness(now) <= strictness(then)) return;
  for (const text of namespaceWarnings(name, now, objects.list("pods", "", name))) {
    request.warn?.(text);
  }
}

/** The policy of a namespace by its name. */
type PolicyIn = (namespace: string) => ReadPolicy;

/** Reads each namespace once, as long as it does not change: every pod asks. */
function policyReader(objects: ObjectSource): PolicyIn {
  const known = new WeakMap<JsonObject, ReadPolicy>();
  return (name) => {
    const namespace = objects.get("namespaces", "", "", name);
    if (namespace === undefined) return readPolicy(undefined);
    const found = known.get(namespace) ?? readPolicy(namespace);
    known.set(namespace, found);
    return found;
  };
}

function readPolicy(namespace: JsonObject | undefined): ReadPolicy {
  const labels = childObject(childObject(namespace, "metadata"), "labels");
  return policyOf(labels as Readonly<Record<string, string>> | undefined);
}
