// Bundles src/main into dist/: an entry for each program, one chunk for each lazily loaded part. A bundle starts in
// a third of the time that the sources take.
import { rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: {
    gantry: "src/main/gantry.ts",
    "workflow-worker-program": "src/main/workflows/worker-program.ts",
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  sourcemap: true,
  legalComments: "none",
  // Native: loaded from node_modules.
  external: ["lmdb"],
  // Packages in CommonJS call require for Node's own modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  logLevel: "warning",
});
