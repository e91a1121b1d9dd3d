import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { imageArchitecture } from "#oci/architecture.ts";
import { ociArchive, type LayerFile } from "./oci-archive.ts";
import { busyboxFiles } from "./seed.ts";

/** What workers of workflows in pods run, unless another image is named. */
export const workerImageName = "docker.io/gantry/worker:latest";

const programFolder = "usr/lib/gantry";

export interface WorkerProgram {
  /** This Node.js. */
  readonly node: string;
  /** The bundled program. */
  readonly folder: string;
}

/**
 * An image of this very program as a tar, for workers in pods: Node.js with the libraries that it
 * needs, the program, and busybox for shell commands. Same files, same bytes.
 * @throws {MissingProgramsError} when there is no static busybox. @throws {Error} without `ldd`.
 */
export async function* workerImage(
  arch: string,
  program: WorkerProgram,
): AsyncGenerator<Uint8Array, void, undefined> {
  const files = [
    ...(await busyboxFiles()),
    await fileFrom(program.node, "usr/bin/node", 0o755),
    ...(await libraryFiles(program.node)),
    ...(await programFiles(program.folder)),
  ];
  yield* ociArchive({
    name: workerImageName,
    architecture: imageArchitecture(arch),
    config: {
      Entrypoint: ["/usr/bin/node", `/${programFolder}/gantry.js`],
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"],
      WorkingDir: "/tmp",
      User: "65534",
    },
    files: withDirectories(files),
  });
}

async function fileFrom(path: string, name: string, mode: number): Promise<LayerFile> {
  return { type: "file", name, mode, content: await readFile(path) };
}

async function programFiles(folder: string): Promise<LayerFile[]> {
  const names = (await readdir(folder)).filter((it) => it.endsWith(".js")).sort();
  if (!names.includes("gantry.js")) {
    throw new Error(`${folder} has no gantry.js: run the bundled program (dist/gantry.js)`);
  }
  const files = names.map((it) => fileFrom(join(folder, it), `${programFolder}/${it}`, 0o644));
  const type = Buffer.from('{"type":"module"}');
  const own: LayerFile = {
    type: "file",
    name: `${programFolder}/package.json`,
    mode: 0o644,
    content: type,
  };
  return [own, ...(await Promise.all(files))];
}

/** Shared libraries, where the program expects them. */
async function libraryFiles(program: string): Promise<LayerFile[]> {
  const { stdout } = await promisify(execFile)("ldd", [program]);
  const paths = libraryPaths(stdout);
  return await Promise.all(paths.map((it) => fileFrom(it, it.slice(1), 0o755)));
}

/** The files that `ldd` lists, the loader among them. */
export function libraryPaths(ldd: string): string[] {
  const paths = ldd.split("\n").flatMap((line) => {
    const found = /^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    return found === undefined ? [] : [found];
  });
  return [...new Set(paths)].sort();
}

/** Each folder before what is in it. */
function withDirectories(files: readonly LayerFile[]): LayerFile[] {
  const known = new Set(files.filter((it) => it.type === "directory").map((it) => it.name));
  const all: LayerFile[] = [];
  for (const file of files) {
    const missing: string[] = [];
    for (let at = dirname(file.name); at !== "." && !known.has(at); at = dirname(at)) {
      known.add(at);
      missing.unshift(at);
    }
    all.push(...missing.map((name): LayerFile => ({ type: "directory", name, mode: 0o755 })), file);
  }
  return all;
}
