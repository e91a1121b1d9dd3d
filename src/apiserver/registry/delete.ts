import type { JsonObject } from "#api/object.ts";
import { conflict } from "#api/status.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { admissionRequest, judge, mutate } from "./admit.ts";
import { commit, commitDelete } from "./commit.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { planDeletion } from "./deletion/plan.ts";
import { cacheKey, decodeCached, type Kind, type RegistryPorts, type WriteTarget } from "./kind.ts";
import { isNamespace, metadataOf } from "./metadata.ts";
import { currentOf, modifiedMessage } from "./update.ts";

const roundsMax = 20;

export interface Deleted {
  /** The object as it is now, or as it was when it went. */
  readonly object: JsonObject;
  readonly cached: CachedObject | undefined;
  /** False: it is marked, and somebody else finishes. */
  readonly gone: boolean;
}

/** Deletes an object, or begins to. @throws {StatusError} 403, 404, 409 */
export async function deleteObject(
  ports: RegistryPorts,
  target: WriteTarget,
  options: DeleteOptions,
): Promise<Deleted> {
  const { kind, namespace, name } = target;
  const key = cacheKey(kind.resource, namespace, name);
  for (let round = 1; ; round++) {
    const current = await currentOf(ports, target, key);
    const deleted = await tryDelete(ports, target, options, current);
    if (deleted !== undefined) return deleted;
    if (round === roundsMax) throw conflict(kind.resource, name, modifiedMessage);
  }
}

async function tryDelete(
  ports: RegistryPorts,
  target: WriteTarget,
  options: DeleteOptions,
  current: CachedObject,
): Promise<Deleted | undefined> {
  const { kind } = target;
  const previous = decodeCached(kind, current);
  checkPreconditions(target, options, previous);
  const request = admissionRequest(target, {
    operation: "DELETE",
    object: undefined,
    previous,
    dryRun: options.dryRun,
  });
  await mutate(ports, request, target.signal);
  await judge(ports, request, target.signal);
  const plan = planDeletion({
    object: decodeCached(kind, current),
    options,
    gracePeriodSeconds: kind.strategy.gracePeriodSeconds(previous, options.gracePeriodSeconds),
    isNamespace: isNamespace(kind),
    orphansByDefault: orphansByDefault(kind),
    nowMs: ports.clock.now(),
  });
  const { key, revision: ifRevision } = current;
  if (plan.kind === "pending") return { object: previous, cached: current, gone: false };
  const gone = plan.kind === "remove";
  if (options.dryRun) return { object: plan.object, cached: undefined, gone };
  if (gone) {
    const isDone = await commitDelete(ports, kind, { key, ifRevision });
    return isDone ? { object: plan.object, cached: undefined, gone } : undefined;
  }
  const written = await commit(ports, kind, { key, object: plan.object, ifRevision });
  return written === undefined ? undefined : { ...written, gone };
}

function checkPreconditions(
  target: WriteTarget,
  options: DeleteOptions,
  previous: JsonObject,
): void {
  const { uid, resourceVersion } = metadataOf(previous);
  const { resource } = target.kind;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${shown(uid)}). The object might have been deleted and then recreated`;
    throw conflict(resource, target.name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${shown(resourceVersion)}). The object might have been modified`;
    throw conflict(resource, target.name, why);
  }
}

/** Upstream keeps this for its oldest workload kind. */
function orphansByDefault(kind: Kind): boolean {
  return kind.resource.storageKey === "core/replicationcontrollers";
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : "";
}
