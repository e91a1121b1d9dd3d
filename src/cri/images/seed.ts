import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { MissingProgramsError } from "#cri/containerd/binaries.ts";
import { imageArchitecture } from "#oci/architecture.ts";
import { type LayerFile, ociArchive } from "./oci-archive.ts";

export const busyboxImageName = "docker.io/library/busybox:latest";

const busyboxPaths: readonly string[] = ["/usr/bin/busybox", "/bin/busybox"];

/**
 * A busybox image as a tar, from the machine's static busybox: for machines that reach no registry.
 * The same program gives the same bytes. @param arch as `process.arch` says it.
 * @throws {MissingProgramsError} when there is no static busybox.
 */
export async function* busyboxImage(arch: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* ociArchive({
    name: busyboxImageName,
    architecture: imageArchitecture(arch),
    config: {
      Cmd: ["sh"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      WorkingDir: "/",
    },
    files: await busyboxFiles(),
  });
}

/**
 * The usual folders and accounts, busybox, and a link to it for each of its commands.
 * @throws {MissingProgramsError} when there is no static busybox.
 */
export async function busyboxFiles(): Promise<LayerFile[]> {
  const { path, program } = await findBusybox();
  const { stdout } = await promisify(execFile)(path, ["--list"]);
  const applets = stdout.split("\n").filter((it) => it !== "" && it !== "busybox");
  return [
    ...directories.map(([name, mode]): LayerFile => ({ type: "directory", name, mode })),
    { type: "file", name: "bin/busybox", mode: 0o755, content: program },
    ...applets
      .toSorted()
      .map((it): LayerFile => ({ type: "symlink", name: `bin/${it}`, to: "busybox" })),
    textFile("etc/passwd", accounts.passwd),
    textFile("etc/group", accounts.group),
    textFile("etc/nsswitch.conf", ["hosts: files dns"]),
  ];
}

const directories: readonly [name: string, mode: number][] = [
  ["bin", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["proc", 0o755],
  ["root", 0o700],
  ["sys", 0o755],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/bin", 0o755],
  ["usr/sbin", 0o755],
  ["var", 0o755],
  ["var/spool", 0o755],
  ["var/tmp", 0o1777],
  ["var/www", 0o755],
];

const accounts = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
    "www-data:x:33:33:www-data:/var/www:/bin/false",
    "nobody:x:65534:65534:nobody:/home:/bin/false",
  ],
  group: ["root:x:0:", "daemon:x:1:", "www-data:x:33:", "nogroup:x:65534:"],
};

function textFile(name: string, lines: readonly string[]): LayerFile {
  return { type: "file", name, mode: 0o644, content: Buffer.from(`${lines.join("\n")}\n`) };
}

async function findBusybox(): Promise<{ path: string; program: Buffer }> {
  for (const path of busyboxPaths) {
    const program = await readFile(path).catch(() => undefined);
    if (program !== undefined && isStaticProgram(program)) return { path, program };
  }
  throw new MissingProgramsError([{ program: "a static busybox", package: "busybox-static" }]);
}

/** Whether an ELF64 program names no interpreter, and so needs no library of the machine. */
export function isStaticProgram(elf: Buffer): boolean {
  if (elf.length < 64 || elf.toString("latin1", 0, 4) !== "\x7fELF") return false;
  const from = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  const interpreter = 3;
  for (let index = 0; index < count; index++) {
    if (elf.readUInt32LE(from + index * size) === interpreter) return false;
  }
  return true;
}
