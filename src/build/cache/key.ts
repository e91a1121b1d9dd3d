import { createHash } from "node:crypto";

/** What a step was made from, as a digest: the same key means the same files. */
export type StepKey = string;

/** A part of the key changes whenever what this version makes of the same input changes. */
const version = "1";

export function stepKey(...parts: readonly unknown[]): StepKey {
  return createHash("sha256")
    .update(JSON.stringify([version, ...parts]))
    .digest("hex");
}
