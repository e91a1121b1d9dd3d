/**
 * Generates TypeScript from our own .proto files: `node tools/gen/protos.ts`. Each folder in
 * `protoFolders` has its .proto files in `proto/` and gets its code in `gen/`, which is committed;
 * `protos.test.ts` compares it with what the generator makes.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** Modules with .proto files of their own. */
export const protoFolders: readonly string[] = ["src/cri", "src/store/etcd"];

const root = resolve(import.meta.dirname, "../..");

/** Writes the code of one folder to `out`. @throws {Error} with what the compiler said. */
export function generateProtos(folder: string, out: string): void {
  const bin = join(root, "node_modules/.bin");
  const template = {
    version: "v2",
    plugins: [
      { local: join(bin, "protoc-gen-es"), out, opt: ["target=ts", "import_extension=ts"] },
    ],
  };
  mkdirSync(out, { recursive: true });
  const run = spawnSync(
    join(bin, "buf"),
    ["generate", "--template", JSON.stringify(template), join(root, folder, "proto")],
    { cwd: root, encoding: "utf8" },
  );
  if (run.status !== 0) throw new Error(`buf generate ${folder}: ${run.stderr}`, { cause: run.error });
}

if (import.meta.main) {
  for (const folder of protoFolders) {
    const out = join(root, folder, "gen");
    if (readdirSync(join(root, folder)).includes("gen")) rmSync(out, { recursive: true });
    generateProtos(folder, out);
  }
}
