import { childObject, type JsonObject } from "#api/object.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";
import { subjectOf, type Subject } from "./subject.ts";

/** Where the kinds that make pods have their template. */
const paths: ReadonlyMap<string, readonly string[]> = new Map([
  ["/podtemplates", ["template"]],
  ["/replicationcontrollers", ["spec", "template"]],
  ["apps/replicasets", ["spec", "template"]],
  ["apps/deployments", ["spec", "template"]],
  ["apps/statefulsets", ["spec", "template"]],
  ["apps/daemonsets", ["spec", "template"]],
  ["batch/jobs", ["spec", "template"]],
  ["batch/cronjobs", ["spec", "jobTemplate", "spec", "template"]],
]);

/** True for kinds that make pods. */
export function hasTemplate({ resource }: AdmissionRequest): boolean {
  return paths.has(`${resource.group}/${resource.plural}`);
}

/** The template in an object that makes pods; undefined where it has none. */
export function templateOf({ resource, object }: AdmissionRequest): Subject | undefined {
  let at: JsonObject | undefined = object;
  for (const name of paths.get(`${resource.group}/${resource.plural}`) ?? []) {
    at = childObject(at, name);
  }
  return at === undefined ? undefined : subjectOf(at);
}
