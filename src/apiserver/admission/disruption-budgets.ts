import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { labelSelectorOf, matchesLabels, type Labels } from "#api/selector/label.ts";
import { StatusError } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type {
  AdmissionRequest,
  AdmissionRule,
  ObjectSink,
  ObjectSource,
} from "#apiserver/contract.ts";

const group = "policy";
const plural = "poddisruptionbudgets";
/** Evictions that are under way at a time. Upstream: `MaxDisruptedPodSize`. */
const disruptedMax = 2_000;

/**
 * Evictions take from the budget of their pod, or are refused until there is some again.
 * Upstream: `pkg/registry/core/pod/storage/eviction.go`.
 */
export function disruptionBudgets(
  objects: ObjectSource,
  sink: ObjectSink,
  clock: Clock,
): AdmissionRule {
  return {
    name: "DisruptionBudgets",
    async validate(request, signal) {
      const { previous: pod, dryRun, namespace } = request;
      if (!isEviction(request) || pod === undefined) return;
      if (isBeyondHelp(pod)) return;
      const labels = childObject(childObject(pod, "metadata"), "labels") as Labels | undefined;
      const budgets = objects
        .list(plural, group, namespace)
        .filter((it) =>
          matchesLabels(labelSelectorOf(childObject(childObject(it, "spec"), "selector")), labels),
        );
      const [budget] = budgets;
      if (budget === undefined) return;
      if (budgets.length > 1) throw severalBudgets();
      if (mayGoUnhealthy(pod, budget)) return;
      if (dryRun) {
        taken(budget, pod, clock.now());
        return;
      }
      const name = nameOf(budget);
      const at = { namespace, name, part: "status" } as const;
      await sink.change(plural, group, at, (it) => taken(it, pod, clock.now()), signal);
    },
  };
}

/** The deletion that follows an eviction is asked about as well, and is paid for already. */
function isEviction({ resource, subresource, operation }: AdmissionRequest): boolean {
  const isOfPods = resource.plural === "pods" && resource.group === "";
  return isOfPods && subresource === "eviction" && operation === "CREATE";
}

/** Nobody counts on a pod that has ended, is going, or has not begun. */
function isBeyondHelp(pod: JsonObject): boolean {
  const phase = childString(childObject(pod, "status"), "phase") ?? "";
  const going = childString(childObject(pod, "metadata"), "deletionTimestamp");
  return going !== undefined || ["Succeeded", "Failed", "Pending"].includes(phase);
}

function mayGoUnhealthy(pod: JsonObject, budget: JsonObject): boolean {
  const ready = childList(childObject(pod, "status"), "conditions").find(
    (it) => isJsonObject(it) && it["type"] === "Ready",
  );
  if (isJsonObject(ready) && ready["status"] === "True") return false;
  const policy = childString(childObject(budget, "spec"), "unhealthyPodEvictionPolicy");
  if (policy === "AlwaysAllow") return true;
  const { currentHealthy, desiredHealthy } = numbersOf(budget);
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

interface Numbers {
  readonly disruptionsAllowed: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly observedGeneration: number;
}

function numbersOf(budget: JsonObject): Numbers {
  const status = childObject(budget, "status");
  const number = (name: string): number => Number(status?.[name] ?? 0);
  return {
    disruptionsAllowed: number("disruptionsAllowed"),
    currentHealthy: number("currentHealthy"),
    desiredHealthy: number("desiredHealthy"),
    observedGeneration: number("observedGeneration"),
  };
}

/** The budget less one disruption. @throws {StatusError} 429 when it has none to give. */
function taken(budget: JsonObject, pod: JsonObject, now: number): JsonObject {
  const { disruptionsAllowed, currentHealthy, desiredHealthy, observedGeneration } =
    numbersOf(budget);
  const name = nameOf(budget);
  const generation = Number(childObject(budget, "metadata")?.["generation"] ?? 0);
  if (observedGeneration < generation) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`);
  }
  if (disruptionsAllowed <= 0) {
    throw refused(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  const status = childObject(budget, "status") ?? {};
  const disrupted = childObject(status, "disruptedPods") ?? {};
  if (Object.keys(disrupted).length >= disruptedMax) {
    throw refused(`The disruption budget ${name} has too many evictions that are not confirmed`);
  }
  const disruptedPods = { ...disrupted, [nameOf(pod)]: formatTime(now) };
  return {
    ...budget,
    status: { ...status, disruptionsAllowed: disruptionsAllowed - 1, disruptedPods },
  };
}

function refused(message: string): StatusError {
  const text = "Cannot evict pod as it would violate the pod's disruption budget.";
  const causes = [{ reason: "DisruptionBudget", message, field: "" }];
  // No time to come again: kubectl's own rhythm is shorter than what a client would wait in silence.
  return new StatusError(429, "TooManyRequests", text, { details: { causes } });
}

function severalBudgets(): StatusError {
  const text =
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
  return new StatusError(500, "InternalError", text);
}

function nameOf(object: JsonObject): string {
  return childString(childObject(object, "metadata"), "name") ?? "";
}
