import type { Job } from "#api/gen/types.ts";
import { childObject, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { mergePods } from "./merge-pods.ts";
import { operatorPod, type PodArguments } from "./operator-pod.ts";

/** Arguments that are fields of the Job's spec, by the names that Kubernetes has for them. */
const specFields = {
  backoffLimit: "backoffLimit",
  completionMode: "completionMode",
  completions: "completions",
  manualSelector: "manualSelector",
  parallelism: "parallelism",
  selector: "selector",
  suspend: "suspend",
  ttlSecondsAfterFinished: "ttlSecondsAfterFinished",
} as const;

/**
 * The Job that a task asks for, without the name, namespace and labels of its try. The task's own
 * arguments win over `fullJobSpec`, and that over the template; the pod's arguments are about its pods.
 */
export function operatorJob(input: PodArguments, template: JsonObject): JsonObject {
  const full = isJsonObject(input["fullJobSpec"]) ? input["fullJobSpec"] : {};
  const base = mergeJobs(template, full);
  const own = Object.entries(specFields).flatMap(([argument, field]): [string, Json][] => {
    const value = input[argument];
    return value == null ? [] : [[field, value]];
  });
  const pod = operatorPod(input, {});
  const { name, namespace, ...shared } = childObject(pod, "metadata") ?? {};
  const metadata = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...shared,
  };
  const pods = { metadata: shared, spec: childObject(pod, "spec") ?? {} };
  const over = { metadata, spec: { ...Object.fromEntries(own), template: pods } };
  return { ...mergeJobs(base, over), apiVersion: "batch/v1", kind: "Job" };
}

function mergeJobs(base: JsonObject, over: JsonObject): JsonObject {
  const { spec: baseSpec = {}, metadata: baseMetadata = {} } = base;
  const { spec: overSpec = {}, metadata: overMetadata = {} } = over;
  const [below, above] = [objectOf(baseSpec), objectOf(overSpec)];
  const pods = mergePods(objectOf(below["template"]), objectOf(above["template"]));
  const { metadata } = mergePods(
    { metadata: objectOf(baseMetadata) },
    { metadata: objectOf(overMetadata) },
  );
  return {
    ...base,
    ...over,
    metadata: metadata ?? {},
    spec: { ...below, ...above, template: pods },
  };
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** How a Job stands. */
export type JobProgress =
  | { readonly kind: "running" }
  | { readonly kind: "complete" }
  | { readonly kind: "failed"; readonly reason: string };

export function jobProgress(job: Pick<Job, "status">): JobProgress {
  const held = (job.status?.conditions ?? []).filter((it) => it.status === "True");
  if (held.some((it) => it.type === "Complete")) return { kind: "complete" };
  const failed = held.find((it) => it.type === "Failed");
  if (failed === undefined) return { kind: "running" };
  return { kind: "failed", reason: `${failed.reason ?? "Failed"}: ${failed.message ?? ""}` };
}
