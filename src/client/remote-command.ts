import { WebSocket, type RawData } from "ws";
import {
  channels,
  parseChannelMessage,
  remoteCommandProtocols,
} from "#streaming/remote-command/channels.ts";
import type { Connection } from "./kubeconfig.ts";

/** Where the output of a command goes. What a function throws ends the command's connection. */
export interface CommandOutput {
  out(bytes: Buffer): void;
  err(bytes: Buffer): void;
  /** Resolves when more may come; undefined: at once. */
  flush?(): Promise<void> | undefined;
}

/** Begins a connection to a pod's `exec` or `attach`. @param path with its query. */
export async function connectCommand(connection: Connection, path: string): Promise<WebSocket> {
  const token = await connection.bearerToken?.();
  const url = `${connection.server.replace(/^http/, "ws")}${path}`;
  return new WebSocket(url, [remoteCommandProtocols[0]], {
    ca: connection.certificateAuthority,
    cert: connection.clientCertificate,
    key: connection.clientKey,
    rejectUnauthorized: connection.insecureSkipVerify !== true,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
}

/** Resolves when it is open. @throws {Error} with what the server says instead. */
export function awaitCommand(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        reject(new Error(messageOf(Buffer.concat(chunks).toString("utf8"))));
      });
    });
  });
}

/**
 * Hands on what the command writes. Resolves with its exit code, 0 for an attached container that has
 * ended. @throws {Error} when it did not run, or the connection broke before it ended.
 */
export function commandExit(
  socket: WebSocket,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let code: number | undefined;
    socket.on("message", (data: RawData) => {
      try {
        code = takeMessage(data, output) ?? code;
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      holdUntilFlushed(socket, output);
    });
    socket.on("close", () => {
      if (code !== undefined) resolve(code);
      else if (signal.aborted) reject(signal.reason as Error);
      else reject(new Error("the connection broke before the command ended"));
    });
    socket.on("error", reject);
  });
}

/** The exit code, when that is what the message says. @throws {Error} when the command did not run. */
function takeMessage(data: RawData, output: CommandOutput): number | undefined {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : []);
  const message = parseChannelMessage(bytes);
  if (message?.kind !== "data") return undefined;
  const content = bytes.subarray(1);
  if (message.channel === channels.stdout) output.out(content);
  else if (message.channel === channels.stderr) output.err(content);
  if (message.channel !== channels.error) return undefined;
  const status = parseStatus(content.toString("utf8"));
  if (status.kind === "exit") return status.code;
  throw new Error(status.message);
}

/** A reader of the output that is slower than the command lets it wait, as a pipe would. */
function holdUntilFlushed(socket: WebSocket, output: CommandOutput): void {
  const flushed = output.flush?.();
  if (flushed === undefined) return;
  socket.pause();
  flushed.then(
    () => {
      socket.resume();
    },
    () => {
      socket.terminate();
    },
  );
}

/** The message of a Status, or the text itself. */
function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

export type ExitStatus =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "failed"; readonly message: string };

/** The Status on the error channel: apimachinery `remotecommand/constants.go`. */
export function parseStatus(text: string): ExitStatus {
  const status = JSON.parse(text) as {
    status?: string;
    reason?: string;
    message?: string;
    details?: { causes?: readonly { reason?: string; message?: string }[] };
  };
  if (status.status === "Success") return { kind: "exit", code: 0 };
  const cause = status.details?.causes?.find((it) => it.reason === "ExitCode");
  if (status.reason === "NonZeroExitCode" && cause !== undefined) {
    return { kind: "exit", code: Number(cause.message) };
  }
  return { kind: "failed", message: status.message ?? text };
}
