import { enableCompileCache } from "node:module";
import { basename, join } from "node:path";

/*
 * The start of every command. What V8 compiles of the bundle is kept beside it, which saves a third of
 * what a short command takes; where the directory cannot be written to, nothing is kept. Sources are
 * run as they are.
 */

if (basename(import.meta.dirname) === "dist") {
  enableCompileCache(join(import.meta.dirname, "compiled"));
}
await import("./program.ts");
