import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Appends what a container prints in CRI's log format: `time stream F line`. */
export async function appendLog(
  path: string,
  nowMs: number,
  stream: "stdout" | "stderr",
  text: string,
): Promise<void> {
  if (path === "") return;
  const time = new Date(nowMs).toISOString().replace("Z", "000000Z");
  const lines = text.replace(/\n$/, "").split("\n");
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, lines.map((it) => `${time} ${stream} F ${it}\n`).join(""));
}

/** Makes the file; one that is there stays as it is. */
export async function createLog(path: string): Promise<void> {
  if (path === "") return;
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, "");
}
