import { objectPath } from "#api/resource.ts";
import { pods } from "./kinds.ts";
import type { Connection } from "./kubeconfig.ts";
import { awaitCommand, commandExit, connectCommand, type CommandOutput } from "./remote-command.ts";

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
  function keep(chunks: Buffer[], bytes: Buffer): void {
    size += bytes.length;
    if (size > bytesMax) throw new Error(`the command wrote more than ${bytesMax} bytes`);
    chunks.push(bytes);
  }
  const kept: CommandOutput = {
    out: (bytes) => {
      keep(output.stdout, bytes);
    },
    err: (bytes) => {
      keep(output.stderr, bytes);
    },
  };
  const ended = commandExit(socket, kept, signal);
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
