import { createHash } from "node:crypto";

/** A name that says what has it: the same content always gets the same one, other content another. */
export function contentName(prefix: string, content: unknown): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return `${prefix}/${digest.slice(0, 16)}`;
}
