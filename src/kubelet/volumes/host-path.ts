import type { Stats } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";

/**
 * Sees to it that a hostPath is what its type says, creating it where the type says so.
 * @throws {Error} with upstream's wording (`pkg/volume/hostpath/host_path.go`).
 */
export async function checkHostPath(path: string, type: string | undefined): Promise<void> {
  if (type === undefined || type === "") return;
  const found = await findStats(path);
  if (found === undefined && type === "DirectoryOrCreate") {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return;
  }
  if (found === undefined && type === "FileOrCreate") {
    await writeFile(path, "", { mode: 0o644, flag: "a" });
    return;
  }
  const check = checks.get(type);
  if (check === undefined) throw new Error(`${type} is an invalid volume type`);
  if (found === undefined || !check.holds(found)) {
    throw new Error(`hostPath type check failed: ${path} is not a ${check.name}`);
  }
}

const directory = { name: "directory", holds: (it: Stats) => it.isDirectory() };
const file = { name: "file", holds: (it: Stats) => it.isFile() };
const checks = new Map([
  ["Directory", directory],
  ["DirectoryOrCreate", directory],
  ["File", file],
  ["FileOrCreate", file],
  ["Socket", { name: "socket file", holds: (it: Stats) => it.isSocket() }],
  ["CharDevice", { name: "character device", holds: (it: Stats) => it.isCharacterDevice() }],
  ["BlockDevice", { name: "block device", holds: (it: Stats) => it.isBlockDevice() }],
]);

async function findStats(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
