import { applyPatch } from "#api/apply/apply.ts";
import { isJsonObject, type JsonObject } from "#api/object.ts";
import { apiVersionOf } from "#api/resource.ts";
import { badRequest, conflict, isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import { finishBody, readYaml, textOf, type ExpectedType } from "./body.ts";
import type { Written } from "./commit.ts";
import { createObject } from "./create.ts";
import type { EndpointPorts } from "./endpoint-ports.ts";
import type { WriteTarget } from "./kind.ts";
import { metadataOf } from "./metadata.ts";
import { resetFieldsOf } from "./ownership.ts";
import { patchRoundsMax } from "./patch.ts";
import { workloadConfiguration } from "./scale.ts";
import { changeObject, type Part } from "./update.ts";
import { parseWriteOptions, requireFieldManager, type WriteOptions } from "./write-options.ts";

/** A server-side apply as it arrives. */
export interface Applying {
  readonly target: WriteTarget;
  readonly query: URLSearchParams;
  readonly part: Part;
  readonly body: { readonly bytes: Uint8Array };
  readonly expected: ExpectedType;
  readonly warn: (text: string) => void;
}

/** How often an object may come and go between two looks before the apply gives up. */
const roundsMax = 5;

/**
 * Server-side apply: changes what the manager owns or claims; creates the object where there is
 * none. @throws {StatusError} 400, 409 with one cause for each contested field, 422
 */
export async function applyObject(ports: EndpointPorts, applying: Applying): Promise<Written> {
  requireFieldManager(applying.query);
  const options = parseWriteOptions(applying.query, undefined, "PatchOptions");
  const patch = readConfiguration(ports, applying, options);
  const { target, warn } = applying;
  for (let round = 1; ; round++) {
    try {
      return await applyToExisting(ports, applying, options, patch);
    } catch (error) {
      if (!isStatus(error, "NotFound") || applying.part !== "object") throw error;
    }
    refuseIdentity(target, patch);
    const object = applied(ports, applying, options, { patch, live: undefined });
    target.kind.strategy.default(object);
    try {
      const track = (): void => undefined;
      return await createObject(ports.registry, { target, object, options, track, warn });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists") || round === roundsMax) throw error;
    }
  }
}

/**
 * Server-side apply of a workload's Scale; `expected` is the Scale's type. Who applied it owns the
 * replicas, by `/scale`. @throws {StatusError} 400, 404, 409, 422
 */
export async function applyScale(ports: EndpointPorts, applying: Applying): Promise<Written> {
  requireFieldManager(applying.query);
  const options = parseWriteOptions(applying.query, undefined, "PatchOptions");
  const { kind } = applying.target;
  const patch = workloadConfiguration(kind, readConfiguration(ports, applying, options));
  const { resource } = kind;
  const expected = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    type: resource.type,
  };
  return await applyToExisting(ports, { ...applying, expected }, options, patch);
}

function applyToExisting(
  ports: EndpointPorts,
  applying: Applying,
  options: WriteOptions,
  patch: JsonObject,
): Promise<Written> {
  const { target, part, warn } = applying;
  return changeObject(ports.registry, {
    target,
    options,
    part,
    warn,
    track: undefined,
    roundsMax: patchRoundsMax,
    next: (live) => {
      const next = applied(ports, applying, options, { patch, live });
      target.kind.strategy.default(next);
      return next;
    },
  });
}

function readConfiguration(
  ports: EndpointPorts,
  { body, expected, warn }: Applying,
  options: WriteOptions,
): JsonObject {
  const { value, duplicates } = readYaml(textOf(body.bytes));
  if (!isJsonObject(value)) throw badRequest("the configuration is no object");
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== "string" || apiVersion === "") {
    throw badRequest("error decoding YAML: Object 'apiVersion' is missing");
  }
  if (kind !== expected.kind) {
    throw badRequest(`invalid object type: the configuration is no ${expected.kind}`);
  }
  // Another version of the kind is refused by the apply itself, with its own words.
  const asSent = { ...expected, apiVersion };
  const validation = options.fieldValidation;
  finishBody(ports.registry.types, value, asSent, { validation, warn, duplicates });
  return value;
}

function applied(
  ports: EndpointPorts,
  { target, expected }: Applying,
  options: WriteOptions,
  it: { readonly patch: JsonObject; readonly live: JsonObject | undefined },
): JsonObject {
  return applyPatch({
    live: it.live,
    patch: it.patch,
    manager: options.fieldManager,
    force: options.force ?? false,
    subresource: target.subresource,
    now: formatTime(ports.registry.clock.now()),
    type: expected.type,
    table: ports.registry.types,
    apiVersion: apiVersionOf(target.kind.resource),
    resetFields: resetFieldsOf(target.kind, target.subresource),
  });
}

/** Who names a revision or a uid means an object that exists. */
function refuseIdentity(target: WriteTarget, patch: JsonObject): void {
  const { uid, resourceVersion } = metadataOf(patch);
  if (uid === undefined && resourceVersion === undefined) return;
  const what = uid === undefined ? "resourceVersion" : "uid";
  const why = `${what} mismatch: the provided object specified ${what} ${JSON.stringify(uid ?? resourceVersion)}, and no existing object was found`;
  throw conflict(target.kind.resource, target.name, why);
}
