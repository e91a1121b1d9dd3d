import { WebSocket } from "ws";
import { awaitCommand, commandExit, connectCommand } from "#client/remote-command.ts";
import {
  channels,
  encodeChannelClose,
  encodeChannelMessage,
  encodeTerminalSize,
} from "#streaming/remote-command/channels.ts";
import type { Session } from "./connection.ts";
import { DetachKeys } from "./detach-keys.ts";

export interface RemoteCommandOptions {
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Keys that leave the command running; undefined: none do. */
  readonly detachKeys?: readonly number[] | undefined;
  /** Called once the streams are open. */
  readonly onOpen?: (() => void) | undefined;
}

/** The user typed the keys that leave the command running. */
export const detached = Symbol("detached");

/**
 * Connects the user with `exec` or `attach` of a pod; resolves with the exit code of the command, 0
 * for an attached container that has ended.
 * @param path of the subresource, with its query but for what the options say.
 */
export async function remoteCommand(
  session: Session,
  path: string,
  options: RemoteCommandOptions,
): Promise<number | typeof detached> {
  const { io, signal } = session;
  const socket = await connectCommand(session.cluster.connection, withStreams(path, options));
  const end = (): void => {
    socket.terminate();
  };
  signal.addEventListener("abort", end);
  const left = Promise.withResolvers<typeof detached>();
  const outcome = Promise.race([commandExit(socket, io, signal), left.promise]);
  const raw = options.tty && options.stdin && io.stdin.isTTY === true;
  let stopSizes: (() => void) | undefined;
  try {
    await awaitCommand(socket);
    if (raw) io.stdin.setRawMode?.(true);
    if (options.tty) stopSizes = followSize(socket, session);
    if (options.stdin) {
      const keys = raw ? new DetachKeys(options.detachKeys ?? []) : undefined;
      sendInput(socket, session, keys, () => {
        left.resolve(detached);
      });
    }
    options.onOpen?.();
    return await outcome;
  } finally {
    outcome.catch(() => undefined);
    signal.removeEventListener("abort", end);
    stopSizes?.();
    if (raw) io.stdin.setRawMode?.(false);
    if (options.stdin) {
      io.stdin.removeAllListeners("data");
      io.stdin.removeAllListeners("end");
      io.stdin.pause();
    }
    socket.terminate();
  }
}

function withStreams(path: string, { stdin, tty }: RemoteCommandOptions): string {
  const query = new URLSearchParams({
    stdout: "true",
    stderr: String(!tty),
    stdin: String(stdin),
    tty: String(tty),
  });
  return `${path}${path.includes("?") ? "&" : "?"}${query.toString()}`;
}

/** Returns what ends it. */
function followSize(socket: WebSocket, { io }: Session): (() => void) | undefined {
  const { terminal } = io;
  if (terminal === undefined) return undefined;
  const send = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    const { columns, rows } = terminal.size();
    socket.send(encodeChannelMessage(channels.resize, encodeTerminalSize(columns, rows)));
  };
  send();
  return terminal.onResize(send);
}

function sendInput(
  socket: WebSocket,
  { io }: Session,
  keys: DetachKeys | undefined,
  leave: () => void,
): void {
  io.stdin.on("data", (chunk: Buffer) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    const { bytes, isComplete } = keys?.take(chunk) ?? { bytes: chunk, isComplete: false };
    // Reading stops until the bytes are on their way: input may be larger than memory.
    io.stdin.pause();
    socket.send(encodeChannelMessage(channels.stdin, bytes), () => {
      if (socket.readyState === WebSocket.OPEN) io.stdin.resume();
    });
    if (isComplete) leave();
  });
  io.stdin.on("end", () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(encodeChannelClose(channels.stdin));
  });
}
