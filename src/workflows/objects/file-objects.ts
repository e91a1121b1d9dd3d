import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { objectSizeMax, type ObjectStore } from "./object-store.ts";

/** Objects as files, in a folder that all workers share. */
export class FileObjects implements ObjectStore {
  async put(path: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const file = fileOf(path);
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.part`;
    {
      await using written = await open(partial, "w", 0o640);
      await written.writeFile(bytes);
      await written.sync();
    }
    await rename(partial, file);
  }

  async get(path: string, signal: AbortSignal): Promise<Buffer> {
    await using file = await open(fileOf(path), "r");
    const { size } = await file.stat();
    if (size > objectSizeMax) throw new Error(`${path} has more than ${objectSizeMax} bytes`);
    return await file.readFile({ signal });
  }

  async delete(path: string): Promise<void> {
    await rm(fileOf(path), { force: true });
  }
}

/** The path's percent signs are part of the file's name. */
function fileOf(path: string): string {
  return fileURLToPath(path.replaceAll("%", "%25"));
}
