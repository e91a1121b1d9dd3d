import { StatusError } from "#api/status.ts";

/**
 * 422 for a patch that is well-formed but cannot be applied. Upstream keeps the reason to itself
 * and sends only the first half of the message; we add why, as text and as a cause.
 */
export function rejectedPatch(why: string): StatusError {
  const message = `the server rejected our request due to an error in our request: ${why}`;
  return new StatusError(422, "Invalid", message, {
    details: { causes: [{ reason: "FieldValueInvalid", message: why, field: "patch" }] },
  });
}
