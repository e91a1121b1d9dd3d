import { isJsonObject, type JsonObject } from "#api/object.ts";
import { FieldPath, forbiddenField, notSupported, type FieldError } from "#api/field.ts";
import { badRequest, invalidObject } from "#api/status.ts";
import { isTrue } from "#apiserver/request-info.ts";
import { dryRunFaults } from "./write-options.ts";

export type Propagation = "Orphan" | "Background" | "Foreground";

/** `metav1.DeleteOptions`, from the body, or from the query when there is none. */
export interface DeleteOptions {
  /** Undefined: the kind's own. */
  readonly gracePeriodSeconds: number | undefined;
  readonly propagation: Propagation | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
}

const policies = ["Background", "Foreground", "Orphan"] as const;

/** @param body the decoded body; undefined without one. @throws {StatusError} 400, 422 */
export function parseDeleteOptions(
  body: JsonObject | undefined,
  query: URLSearchParams,
): DeleteOptions {
  const raw = body ?? fromQuery(query);
  const preconditions = isJsonObject(raw["preconditions"]) ? raw["preconditions"] : {};
  const dryRun = Array.isArray(raw["dryRun"]) ? raw["dryRun"].map(String) : [];
  const policy = raw["propagationPolicy"] ?? undefined;
  const orphan = raw["orphanDependents"] ?? undefined;
  const errors: FieldError[] = dryRunFaults(dryRun);
  const path = new FieldPath("propagationPolicy");
  if (policy !== undefined && orphan !== undefined) {
    errors.push(
      forbiddenField(path, "orphanDependents and deletionPropagation cannot be both set"),
    );
  } else if (policy !== undefined && !isPropagation(policy)) {
    errors.push(notSupported(path, policy, policies));
  }
  if (errors.length > 0) {
    throw invalidObject({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  }
  return {
    gracePeriodSeconds: graceOf(raw["gracePeriodSeconds"]),
    propagation: isPropagation(policy) ? policy : fromOrphan(orphan),
    uid: textOf(preconditions["uid"]),
    resourceVersion: textOf(preconditions["resourceVersion"]),
    dryRun: dryRun.includes("All"),
  };
}

function fromQuery(query: URLSearchParams): JsonObject {
  const grace = query.get("gracePeriodSeconds");
  const policy = query.get("propagationPolicy");
  const orphan = query.get("orphanDependents");
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
    dryRun: query.getAll("dryRun"),
  };
}

function graceOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw badRequest("gracePeriodSeconds: expected an integer number of seconds");
  }
  // Negative values mean one second, as upstream.
  return value < 0 ? 1 : value;
}

function fromOrphan(orphan: unknown): Propagation | undefined {
  if (typeof orphan !== "boolean") return undefined;
  return orphan ? "Orphan" : "Background";
}

function isPropagation(value: unknown): value is Propagation {
  return value === "Orphan" || value === "Background" || value === "Foreground";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
