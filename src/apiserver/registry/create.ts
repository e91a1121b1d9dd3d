import { ensureObject, type JsonObject } from "#api/object.ts";
import { generateName } from "#api/names.ts";
import { validateObjectMeta } from "#api/rules/metadata/validation.ts";
import { alreadyExists, badRequest, invalidObject } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
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
  await prepare(ports, creation);
  for (let attempt = 1; ; attempt++) {
    if (generated) giveName(ports, object);
    const name = nameOf(object);
    refuseFaults(target, object, name);
    const { kind } = target;
    const key = cacheKey(kind.resource, target.namespace, name);
    const taken = kind.cache.get(key) !== undefined;
    if (!taken && options.dryRun) return { created: true, object, cached: undefined };
    const written = taken ? undefined : await commit(ports, kind, { key, object, ifRevision: 0 });
    if (written !== undefined) return written;
    if (!generated) throw alreadyExists(kind.resource, name);
    if (attempt === generatedNamesMax) throw alreadyExists(kind.resource, name);
  }
}

async function prepare(ports: RegistryPorts, creation: Creation): Promise<void> {
  const { target, object, options } = creation;
  const { strategy } = target.kind;
  const now = formatTime(ports.clock.now());
  const { kind, user, namespace, subresource, signal } = target;
  const named = { kind, user, namespace, subresource, signal, name: nameOf(object) };
  const request = admissionRequest(named, {
    operation: "CREATE",
    object,
    previous: undefined,
    dryRun: options.dryRun,
  });
  await mutate(ports, request, target.signal);
  fillNewMetadata(object, { uid: ports.newUid(), now });
  strategy.prepareForCreate(object, { now });
  // What admission added needs its defaults too.
  strategy.default(object);
  creation.track(object, undefined);
  await judge(ports, request, target.signal);
  for (const text of strategy.warnings(object, undefined)) creation.warn(text);
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
