import { ensureObject, type JsonObject } from "#api/object.ts";
import { generateName } from "#api/names.ts";
import { validateObjectMeta } from "#api/rules/metadata/validation.ts";
import { alreadyExists, badRequest, invalidObject } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";
import { admissionRequest, judge, mutate } from "./admit.ts";
import { commit, type Written } from "./commit.ts";
import { cacheKey, type RegistryPorts, type WriteTarget } from "./kind.ts";
import { fillNewMetadata, metadataOf, nameOf, placeObject } from "./metadata.ts";
import type { OwnershipTracker } from "./ownership.ts";
import type { WriteOptions } from "./write-options.ts";

/** How often a clash of a generated name is met with another one, as upstream. */
const generatedNamesMax = 8;

export interface Creation {
  readonly target: WriteTarget;
  /** Decoded and defaulted; this request owns it. */
  readonly object: JsonObject;
  readonly options: WriteOptions;
  readonly track: OwnershipTracker;
  readonly warn: (text: string) => void;
}

/** Creates an object. @throws {StatusError} 400, 403, 409, 422 */
export async function createObject(ports: RegistryPorts, creation: Creation): Promise<Written> {
  const { target, object, options } = creation;
  placeObject(target, object);
  if ((metadataOf(object)["resourceVersion"] ?? "") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  Reflect.deleteProperty(ensureObject(object, "metadata"), "resourceVersion");
  const generated = nameOf(object) === "";
  const request = await prepare(ports, creation);
  const { kind } = target;
  let isJudged = false;
  for (let attempt = 1; ; attempt++) {
    if (generated) giveName(ports, object);
    const name = nameOf(object);
    refuseFaults(target, object, name);
    const key = cacheKey(kind.resource, target.namespace, name);
    if (kind.cache.get(key) === undefined) {
      // Last, and once: rules charge quotas for what is going to exist, and not for what cannot.
      if (!isJudged) await judge(ports, request, target.signal);
      if (!isJudged) warn(creation);
      isJudged = true;
      if (options.dryRun) return { created: true, object, cached: undefined };
      const written = await commit(ports, kind, { key, object, ifRevision: 0 });
      if (written !== undefined) return written;
    }
    if (!generated || attempt === generatedNamesMax) throw alreadyExists(kind.resource, name);
  }
}

/** Everything that changes the object on its way. */
async function prepare(ports: RegistryPorts, creation: Creation): Promise<AdmissionRequest> {
  const { target, object, options } = creation;
  const { strategy } = target.kind;
  const now = formatTime(ports.clock.now());
  const { kind, user, namespace, subresource, signal, annotate } = target;
  const named = { kind, user, namespace, subresource, signal, annotate, name: nameOf(object) };
  const request = admissionRequest(named, {
    operation: "CREATE",
    object,
    previous: undefined,
    dryRun: options.dryRun,
    warn: creation.warn,
  });
  await mutate(ports, request, target.signal);
  fillNewMetadata(object, { uid: ports.newUid(), now });
  strategy.prepareForCreate(object, { now });
  // What admission added needs its defaults too.
  strategy.default(object);
  creation.track(object, undefined);
  return request;
}

function warn({ target, object, warn }: Creation): void {
  for (const text of target.kind.strategy.warnings(object, undefined)) warn(text);
}

function giveName(ports: RegistryPorts, object: JsonObject): void {
  const metadata = ensureObject(object, "metadata");
  const base = metadata["generateName"];
  if (typeof base === "string" && base !== "") metadata["name"] = generateName(base, ports.random);
}

function refuseFaults(target: WriteTarget, object: JsonObject, name: string): void {
  const { resource, strategy } = target.kind;
  const errors = [...validateObjectMeta(resource, object), ...strategy.validate(object)];
  if (errors.length > 0) throw invalidObject(resource, name, errors);
}
