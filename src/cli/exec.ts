import { WebSocket, type RawData } from "ws";
import { objectPath } from "#api/resource.ts";
import { pods } from "#client/kinds.ts";
import type { Session } from "./connection.ts";
import { podOf } from "./logs.ts";

export interface ExecOptions {
  readonly container?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly tty?: boolean | undefined;
}

/** Channels of `v5.channel.k8s.io`: the first byte of each message. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Runs a command in a container; resolves with its exit code. */
export async function exec(
  session: Session,
  target: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const { cluster, io, signal } = session;
  const { connection } = cluster;
  const query = new URLSearchParams(command.map((it): [string, string] => ["command", it]));
  if (options.container !== undefined) query.set("container", options.container);
  query.set("stdout", "true");
  query.set("stderr", String(options.tty !== true));
  query.set("stdin", String(options.stdin === true));
  query.set("tty", String(options.tty === true));
  const path = objectPath(pods, cluster.namespace, await podOf(session, target));
  const url = `${connection.server.replace(/^http/, "ws")}${path}/exec?${query.toString()}`;
  const token = await connection.bearerToken?.();
  const socket = new WebSocket(url, ["v5.channel.k8s.io"], {
    ca: connection.certificateAuthority,
    cert: connection.clientCertificate,
    key: connection.clientKey,
    rejectUnauthorized: connection.insecureSkipVerify !== true,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  signal.addEventListener("abort", () => {
    socket.terminate();
  });
  const outcome = outcomeOf(socket, io);
  await opened(socket);
  const raw = options.tty === true && io.stdin.isTTY === true;
  if (raw) io.stdin.setRawMode?.(true);
  try {
    if (options.tty === true) followSize(socket, session);
    if (options.stdin === true) sendInput(socket, session);
    return await outcome;
  } finally {
    if (raw) io.stdin.setRawMode?.(false);
    io.stdin.pause();
    socket.terminate();
  }
}

function opened(socket: WebSocket): Promise<void> {
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

function outcomeOf(socket: WebSocket, io: Session["io"]): Promise<number> {
  return new Promise((resolve, reject) => {
    let code: number | undefined;
    socket.on("message", (data: RawData) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : []);
      const content = bytes.subarray(1);
      if (bytes[0] === channel.stdout) io.out(content);
      else if (bytes[0] === channel.stderr) io.err(content.toString("utf8"));
      else if (bytes[0] === channel.error) {
        const status = parseStatus(content.toString("utf8"));
        if (status.kind === "exit") code = status.code;
        else reject(new Error(status.message));
      }
    });
    socket.on("close", () => {
      if (code === undefined) reject(new Error("the connection broke before the command ended"));
      else resolve(code);
    });
    socket.on("error", reject);
  });
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

function followSize(socket: WebSocket, { io }: Session): void {
  const { terminal } = io;
  if (terminal === undefined) return;
  const send = (): void => {
    const { columns, rows } = terminal.size();
    const text = JSON.stringify({ Width: columns, Height: rows });
    socket.send(Buffer.concat([Buffer.from([channel.resize]), Buffer.from(text)]));
  };
  terminal.onResize(send);
  send();
}

function sendInput(socket: WebSocket, { io }: Session): void {
  io.stdin.on("data", (chunk: Buffer) => {
    // Reading stops until the bytes are on their way: input may be larger than memory.
    io.stdin.pause();
    socket.send(Buffer.concat([Buffer.from([channel.stdin]), chunk]), () => io.stdin.resume());
  });
  io.stdin.on("end", () => {
    socket.send(Buffer.from([channel.close, channel.stdin]));
  });
}
