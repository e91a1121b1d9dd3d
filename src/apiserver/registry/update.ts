import { isReset } from "#api/apply/managed-fields.ts";
import { ensureObject, type JsonObject } from "#api/object.ts";
import type { FieldError } from "#api/field.ts";
import type { Strategy, WriteContext } from "#api/strategy.ts";
import { validateObjectMetaUpdate } from "#api/rules/metadata/validation.ts";
import { conflict, invalidObject, notFound } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { admissionRequest, judge, mutate } from "./admit.ts";
import { commit, commitDelete, type Written } from "./commit.ts";
import { sameContent, sameOwners } from "./equal.ts";
import { cacheKey, decodeCached, type Kind, type RegistryPorts, type WriteTarget } from "./kind.ts";
import {
  finalizersOf,
  isDeleting,
  isNamespace,
  keepServerMetadata,
  metadataOf,
  namespaceFinalizers,
  placeObject,
} from "./metadata.ts";
import type { OwnershipTracker } from "./ownership.ts";
import type { WriteOptions } from "./write-options.ts";

/** Rounds of read, change and compare-and-set before a conflict is the client's. */
const roundsMax = 20;

export interface Change {
  readonly target: WriteTarget;
  readonly options: WriteOptions;
  /** Undefined where {@link next} keeps the books itself, as server-side apply does. */
  readonly track: OwnershipTracker | undefined;
  readonly warn: (text: string) => void;
  readonly part: Part;
  /**
   * The object as it shall be, defaulted. Called again with the newer object after a conflict, so
   * it must not keep what it was given. Its resourceVersion, if any, must be the current one.
   */
  next(previous: JsonObject): JsonObject | Promise<JsonObject>;
  /** Conflicts with this revision go back to the client, however often it could be tried. */
  readonly roundsMax?: number;
}

/** The rules of the main resource, of `/status`, or those of a special subresource. */
export type Part = "object" | "status" | PartRules;

/** What a write through a subresource may change, and what it must not. */
export interface PartRules {
  /** Takes over from `previous` what this path does not change. */
  readonly prepare: (next: JsonObject, previous: JsonObject, context: WriteContext) => void;
  readonly validate: (next: JsonObject, previous: JsonObject) => FieldError[];
}

export const modifiedMessage =
  "the object has been modified; please apply your changes to the latest version and try again";

/**
 * Changes an object that exists: read, change, compare and set, again when somebody else was
 * faster. An object that stays the same is not written.
 * @throws {StatusError} 404, 409 and what `next`, admission and validation throw.
 */
export async function changeObject(ports: RegistryPorts, change: Change): Promise<Written> {
  const { target } = change;
  const { kind, namespace, name } = target;
  const key = cacheKey(kind.resource, namespace, name);
  const rounds = change.roundsMax ?? roundsMax;
  for (let round = 1; ; round++) {
    const current = await currentOf(ports, target, key);
    const written = await tryChange(ports, change, { key, current });
    if (written !== undefined) return written;
    if (round >= rounds) throw conflict(kind.resource, name, modifiedMessage);
  }
}

/** The object as the cache has it now; asks the store before it says that there is none. */
export async function currentOf(
  ports: RegistryPorts,
  target: WriteTarget,
  key: string,
): Promise<CachedObject> {
  const { cache, resource } = target.kind;
  let current = cache.get(key);
  if (current === undefined) {
    await ports.cache.fresh(target);
    current = cache.get(key);
  }
  if (current === undefined) throw notFound(resource, target.name);
  return current;
}

async function tryChange(
  ports: RegistryPorts,
  change: Change,
  at: { readonly key: string; readonly current: CachedObject },
): Promise<Written | undefined> {
  const { target, options } = change;
  const { kind } = target;
  const previous = decodeCached(kind, at.current);
  const next = await change.next(previous);
  checkRevision(target, next, at.current);
  placeObject(target, next);
  checkUid(target, next, previous);
  keepServerMetadata(next, previous);
  const request = admissionRequest(target, {
    operation: "UPDATE",
    object: next,
    previous,
    dryRun: options.dryRun,
    warn: change.warn,
  });
  await mutate(ports, request, target.signal);
  prepare(ports, change, next, previous);
  const isSame = sameContent(next, previous);
  if (!isSame || isReset(metadataOf(next)["managedFields"])) change.track?.(next, previous);
  refuseFaults(change, next, previous);
  await judge(ports, request, target.signal);
  const keepsOwners =
    change.track === undefined
      ? sameOwners(next, previous)
      : !isReset(metadataOf(next)["managedFields"]);
  if (isSame && keepsOwners) return { created: false, object: previous, cached: at.current };
  for (const text of kind.strategy.warnings(next, previous)) change.warn(text);
  if (options.dryRun) return { created: false, object: next, cached: undefined };
  const ifRevision = at.current.revision;
  if (isFinalized(kind, next, previous)) {
    // The last finalizer is gone: what was an update ends the object.
    const isDeleted = await commitDelete(ports, kind, { key: at.key, ifRevision });
    return isDeleted ? { created: false, object: next, cached: undefined } : undefined;
  }
  return await commit(ports, kind, { key: at.key, object: next, ifRevision });
}

function prepare(
  ports: RegistryPorts,
  change: Change,
  next: JsonObject,
  previous: JsonObject,
): void {
  const { strategy } = change.target.kind;
  const context = { now: formatTime(ports.clock.now()) };
  rulesOf(change.part, strategy).prepare(next, previous, context);
  strategy.default(next);
}

/** A resourceVersion in the object must be the current one; without one the kind decides. */
function checkRevision(target: WriteTarget, next: JsonObject, current: CachedObject): void {
  const { resource, strategy } = target.kind;
  const metadata = ensureObject(next, "metadata");
  const given = metadata["resourceVersion"] ?? "";
  const revision = String(current.revision);
  if (given === revision) return;
  // "0" is what old clients send for "whatever is there".
  if ((given === "" || given === "0") && strategy.allowUnconditionalUpdate) {
    metadata["resourceVersion"] = revision;
    return;
  }
  if (given !== "" && given !== "0") throw conflict(resource, target.name, modifiedMessage);
  throw invalidObject(resource, target.name, [
    {
      reason: "FieldValueInvalid",
      field: "metadata.resourceVersion",
      message: "Invalid value: 0: must be specified for an update",
    },
  ]);
}

function checkUid(target: WriteTarget, next: JsonObject, previous: JsonObject): void {
  const given = metadataOf(next)["uid"] ?? "";
  const uid = metadataOf(previous)["uid"] ?? "";
  if (given === "" || given === uid) return;
  const why = `Precondition failed: UID in precondition: ${JSON.stringify(given)}, UID in object meta: ${JSON.stringify(uid)}`;
  throw conflict(target.kind.resource, target.name, why);
}

function refuseFaults(change: Change, next: JsonObject, previous: JsonObject): void {
  const { resource, strategy } = change.target.kind;
  const errors = [
    ...validateObjectMetaUpdate(next, previous),
    ...rulesOf(change.part, strategy).validate(next, previous),
  ];
  if (errors.length > 0) throw invalidObject(resource, change.target.name, errors);
}

/** Upstream: `ShouldDeleteDuringUpdate`, and its variant for namespaces. */
function isFinalized(kind: Kind, next: JsonObject, previous: JsonObject): boolean {
  if (!isDeleting(previous) || finalizersOf(next).length > 0) return false;
  const grace = metadataOf(previous)["deletionGracePeriodSeconds"];
  if (grace !== undefined && grace !== 0) return false;
  return !isNamespace(kind) || namespaceFinalizers(next).length === 0;
}

function rulesOf(part: Part, strategy: Strategy): PartRules {
  if (part === "status") {
    return {
      prepare: (next, previous, context) => {
        strategy.prepareForStatusUpdate(next, previous, context);
      },
      validate: (next, previous) => strategy.validateStatusUpdate(next, previous),
    };
  }
  if (part !== "object") return part;
  return {
    prepare: (next, previous, context) => {
      strategy.prepareForUpdate(next, previous, context);
    },
    validate: (next, previous) => [
      ...strategy.validate(next),
      ...strategy.validateUpdate(next, previous),
    ],
  };
}
