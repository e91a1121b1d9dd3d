import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname } from "node:path";

/**
 * TypeScript without its types, kept at `path` for the workers that come later: what takes them out
 * costs each process more than everything else that it loads. Lines and columns stay as they are.
 * @throws {SyntaxError} for what is not TypeScript, or more than types.
 */
export function strippedOnce(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    const text = stripTypeScriptTypes(source);
    keep(path, text);
    return text;
  }
}

/** Complete or not at all, also when several processes do it at a time. */
function keep(path: string, text: string): void {
  const partial = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, text);
    renameSync(partial, path);
  } catch {
    // It is done again by the next one.
  }
}
