import type { JsonObject } from "#api/object.ts";
import type { EndpointPorts } from "./endpoint-ports.ts";
import { applyObject } from "./apply-object.ts";
import { finishBody, mediaTypeOf, type ExpectedType } from "./body.ts";
import type { Written } from "./commit.ts";
import type { WriteTarget } from "./kind.ts";
import { trackerOf } from "./ownership.ts";
import { applyPatchType, applyToStatus, patchRoundsMax, readPatch } from "./patch.ts";
import { changeObject, type Part } from "./update.ts";
import { parseWriteOptions } from "./write-options.ts";

export interface Patching {
  readonly target: WriteTarget;
  readonly query: URLSearchParams;
  readonly userAgent: string | undefined;
  readonly part: Part;
  readonly body: { readonly bytes: Uint8Array; readonly contentType: string | undefined };
  readonly expected: ExpectedType;
  readonly warn: (text: string) => void;
}

/** PATCH, in each of its four forms. @throws {StatusError} 400, 404, 409, 415, 422 */
export async function patchObject(ports: EndpointPorts, patching: Patching): Promise<Written> {
  const { target, part, body, expected, warn } = patching;
  const mediaType = mediaTypeOf(body.contentType);
  if (mediaType === applyPatchType) return await applyObject(ports, patching);
  const options = parseWriteOptions(patching.query, patching.userAgent, "PatchOptions");
  const { types } = ports.registry;
  const patch = readPatch({ bytes: body.bytes, mediaType }, expected.type, types);
  const { duplicates } = patch;
  const finish = (patched: JsonObject): JsonObject => {
    finishBody(types, patched, expected, { validation: options.fieldValidation, warn, duplicates });
    return patched;
  };
  return await changeObject(ports.registry, {
    target,
    options,
    part,
    warn,
    track: trackerOf(ports.registry, target.kind, { options, subresource: target.subresource }),
    roundsMax: patchRoundsMax,
    next: (previous) => {
      const next =
        part === "status" ? applyToStatus(patch, previous, finish) : finish(patch.apply(previous));
      target.kind.strategy.default(next);
      return next;
    },
  });
}
