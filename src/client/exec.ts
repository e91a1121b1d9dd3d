import type { RawData } from "ws";
import { objectPath } from "#api/resource.ts";
import { pods } from "./kinds.ts";
import type { Connection } from "./kubeconfig.ts";
import { awaitCommand, commandChannels, connectCommand, parseStatus } from "./remote-command.ts";

export interface ExecResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs a command in a container, without input, and resolves with all it wrote.
 * @param bytesMax of its output. @throws {Error} when it did not run to its end, or wrote more.
 */
export async function execCommand(
  connection: Connection,
  at: { readonly namespace: string; readonly name: string; readonly container: string },
  { command, bytesMax }: { readonly command: readonly string[]; readonly bytesMax: number },
  signal: AbortSignal,
): Promise<ExecResult> {
  const query = new URLSearchParams(command.map((it): [string, string] => ["command", it]));
  query.set("container", at.container);
  for (const [name, value] of Object.entries({ stdout: "true", stderr: "true" })) {
    query.set(name, value);
  }
  const path = `${objectPath(pods, at.namespace, at.name)}/exec?${query.toString()}`;
  const socket = await connectCommand(connection, path);
  const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  let size = 0;
  const ended = new Promise<number>((resolve, reject) => {
    let code: number | undefined;
    socket.on("message", (data: RawData) => {
      const bytes = data as Buffer;
      const content = bytes.subarray(1);
      size += content.length;
      if (size > bytesMax) reject(new Error(`the command wrote more than ${bytesMax} bytes`));
      else if (bytes[0] === commandChannels.stdout) output.stdout.push(content);
      else if (bytes[0] === commandChannels.stderr) output.stderr.push(content);
      else if (bytes[0] === commandChannels.error) {
        const status = parseStatus(content.toString("utf8"));
        if (status.kind === "exit") code = status.code;
        else reject(new Error(status.message));
      }
    });
    socket.on("close", () => {
      if (code !== undefined) resolve(code);
      else reject(new Error("the connection broke before the command ended"));
    });
    socket.on("error", reject);
  });
  ended.catch(() => undefined);
  const stop = (): void => {
    socket.terminate();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    await awaitCommand(socket);
    const code = await ended;
    const [stdout, stderr] = [Buffer.concat(output.stdout), Buffer.concat(output.stderr)];
    return { code, stdout, stderr: stderr.toString("utf8") };
  } finally {
    signal.removeEventListener("abort", stop);
    socket.terminate();
  }
}
