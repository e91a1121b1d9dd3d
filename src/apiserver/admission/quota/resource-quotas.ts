import type { Clock } from "#base/clock.ts";
import { measureOf } from "#api/quota/measures.ts";
import { isTerminating } from "#api/quota/pods.ts";
import { refuse } from "#apiserver/admission/request.ts";
import type {
  AdmissionRequest,
  AdmissionRule,
  ObjectSink,
  ObjectSource,
} from "#apiserver/contract.ts";
import { QuotaCharger } from "./charger.ts";

/**
 * Nothing is made that the quotas of its namespace have no room for. Comes last, since what it
 * charges has only to be written then. Upstream: apiserver `admission/plugin/resourcequota`.
 */
export function resourceQuotas(
  objects: ObjectSource,
  sink: ObjectSink,
  clock: Clock,
): AdmissionRule {
  const charger = new QuotaCharger(objects, sink, clock);
  /** Updates that are paid for, and that have yet to be faster than another. */
  const paid = new WeakSet();
  return {
    name: "ResourceQuota",
    validate(request) {
      if (request.namespace === "" || request.object === undefined || !mayUse(request)) return;
      if (objects.list("resourcequotas", "", request.namespace).length === 0) return;
      if (request.write !== undefined && paid.has(request.write)) return;
      return settle(charger, paid, request);
    },
  };
}

async function settle(
  charger: QuotaCharger,
  paid: WeakSet<object>,
  request: AdmissionRequest,
): Promise<void> {
  const { resource, namespace, object, previous, subresource, dryRun } = request;
  const measure = measureOf(resource);
  if (measure === undefined || object === undefined) return;
  const isStatus = subresource === "status";
  const why = await charger.charge(namespace, { measure, object, previous, isStatus }, dryRun);
  if (why !== undefined) throw refuse(request, why);
  if (request.write !== undefined) paid.add(request.write);
}

/** Kinds of which an update can use more. */
const growing = new Set(["/services", "/persistentvolumeclaims", "resource.k8s.io/resourceclaims"]);

function mayUse({ resource, operation, subresource, object, previous }: AdmissionRequest): boolean {
  if (resource.group === "" && resource.plural === "namespaces") return false;
  const name = `${resource.group}/${resource.plural}`;
  if (operation === "CREATE") return subresource === "";
  if (operation !== "UPDATE") return false;
  switch (subresource) {
    case "":
      if (growing.has(name)) return true;
      return name === "/pods" && isTerminating(object ?? {}) !== isTerminating(previous ?? {});
    case "resize":
      return name === "/pods";
    case "status":
      return name === "/persistentvolumeclaims";
    default:
      return false;
  }
}
