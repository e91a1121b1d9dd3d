import type { JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { EndpointPorts } from "./endpoint-ports.ts";
import { decodeBody, type ExpectedType } from "./body.ts";
import type { Written } from "./commit.ts";
import { createObject } from "./create.ts";
import type { WriteTarget } from "./kind.ts";
import { metadataOf } from "./metadata.ts";
import { trackerOf } from "./ownership.ts";
import { changeObject, type Part } from "./update.ts";
import type { WriteOptions } from "./write-options.ts";

export interface Replacement {
  readonly target: WriteTarget;
  readonly options: WriteOptions;
  readonly part: Part;
  readonly body: { readonly bytes: Uint8Array; readonly contentType: string | undefined };
  readonly expected: ExpectedType;
  readonly warn: (text: string) => void;
}

/** PUT: puts the body in place of what is there; creates it where the kind allows that. */
export async function replaceObject(
  ports: EndpointPorts,
  replacement: Replacement,
): Promise<Written> {
  const { target, options, part, warn } = replacement;
  let decoded: JsonObject | undefined = decode(ports, replacement);
  const track = trackerOf(ports.registry, target.kind, {
    options,
    subresource: target.subresource,
  });
  try {
    return await changeObject(ports.registry, {
      target,
      options,
      part,
      warn,
      track,
      next: () => {
        // The first round takes the decoded body; a later one needs a copy that nobody changed.
        const next = decoded ?? decode(ports, replacement);
        decoded = undefined;
        return next;
      },
    });
  } catch (error) {
    const canCreate = part === "object" && target.kind.strategy.allowCreateOnUpdate;
    if (!canCreate || !isStatus(error, "NotFound")) throw error;
    const object = decode(ports, replacement);
    if ((metadataOf(object)["resourceVersion"] ?? "") !== "") throw error;
    return await createObject(ports.registry, { target, object, options, track, warn });
  }
}

function decode(
  ports: EndpointPorts,
  { target, options, body, expected, warn }: Replacement,
): JsonObject {
  const validation = options.fieldValidation;
  const object = decodeBody(ports.body, body, expected, { validation, warn });
  target.kind.strategy.default(object);
  return object;
}
