import { open, type FileHandle } from "node:fs/promises";
import type { ContainerStatus } from "#cri/runtime.ts";
import { containerAnnotations } from "#kubelet/pod/containers.ts";

/** Bounds of upstream's `pkg/kubelet/container/runtime.go`. */
const messageBytesMax = 4096;
const logTailBytesMax = 2048;
const logTailLinesMax = 80;

/**
 * What the container wrote to its termination message file; the end of its log where the policy
 * says so, the file is empty and the container failed. Empty for nothing.
 */
export async function readTerminationMessage(status: ContainerStatus): Promise<string> {
  const { annotations } = status;
  const file = annotations[containerAnnotations.messageFile] ?? "";
  const message = file === "" ? "" : await readStart(file, messageBytesMax);
  const wantsLog = annotations[containerAnnotations.messagePolicy] === "FallbackToLogsOnError";
  if (message !== "" || !wantsLog || status.exitCode === 0 || status.logPath === "") {
    return message;
  }
  // A line of the log is longer than its text by the time stamp and the tags.
  return logTail(await readEnd(status.logPath, logTailBytesMax * 4));
}

/** The text of the last lines of a log in the format of CRI: `<time> <stream> <tag> <text>`. */
export function logTail(log: string): string {
  const lines = log
    .split("\n")
    .map((line) => /^\S+ (?:stdout|stderr) ([FP]) (.*)$/.exec(line))
    .filter((it) => it !== null)
    .slice(-logTailLinesMax)
    .map((it) => `${it[2] ?? ""}${it[1] === "F" ? "\n" : ""}`);
  return Buffer.from(lines.join("")).subarray(-logTailBytesMax).toString();
}

async function readStart(path: string, bytesMax: number): Promise<string> {
  return await reading(path, async (file) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.toString("utf8", 0, bytesRead);
  });
}

async function readEnd(path: string, bytesMax: number): Promise<string> {
  return await reading(path, async (file) => {
    const { size } = await file.stat();
    const from = Math.max(size - bytesMax, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, from);
    return buffer.toString("utf8", 0, bytesRead);
  });
}

/** A file that is not there says nothing. */
async function reading(path: string, read: (file: FileHandle) => Promise<string>): Promise<string> {
  try {
    await using file = await open(path);
    return await read(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
