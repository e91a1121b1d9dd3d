import { WebSocket } from "ws";
import type { Connection } from "./kubeconfig.ts";

/** Channels of `v5.channel.k8s.io`: the first byte of each message. */
export const commandChannels = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  error: 3,
  resize: 4,
  close: 255,
} as const;

/** Begins a connection to a pod's `exec` or `attach`. @param path with its query. */
export async function connectCommand(connection: Connection, path: string): Promise<WebSocket> {
  const token = await connection.bearerToken?.();
  const url = `${connection.server.replace(/^http/, "ws")}${path}`;
  return new WebSocket(url, ["v5.channel.k8s.io"], {
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
