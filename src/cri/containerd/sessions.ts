import { nextTurn } from "#base/turn.ts";
import type { ByteStream, ProcessSession, SessionResult } from "#cri/runtime.ts";
import { RuntimeError } from "#cri/runtime.ts";
import { encodeTerminalSize } from "#streaming/remote-command/channels.ts";
import { parseExitStatus } from "#streaming/remote-command/exit-status.ts";
import { SpdySession } from "#streaming/spdy/session.ts";
import type { SpdyStream } from "#streaming/spdy/stream.ts";
import { openUpgrade } from "#streaming/upgrade.ts";

/** The newest version that containerd 1.6 speaks; the exit status comes as a JSON Status. */
const commandProtocol = "v4.channel.k8s.io";
const portForwardProtocol = "portforward.k8s.io";
const errorTextBytesMax = 64 * 1024;

export interface SessionStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * Connects to an exec or attach URL of CRI's streaming server. The server waits for exactly the
 * streams that were asked for, in any order.
 */
export async function openProcessSession(
  url: string,
  streams: SessionStreams,
  signal: AbortSignal,
): Promise<ProcessSession> {
  const session = await connect(url, commandProtocol, signal);
  async function open(wanted: boolean, streamtype: string): Promise<SpdyStream | undefined> {
    return wanted ? await session.open({ streamtype }, signal) : undefined;
  }
  try {
    const error = await session.open({ streamtype: "error" }, signal);
    const stdin = await open(streams.stdin, "stdin");
    const stdout = await open(streams.stdout, "stdout");
    const stderr = await open(streams.stderr && !streams.tty, "stderr");
    const resize = await open(streams.tty, "resize");
    return {
      stdout: stdout?.input ?? nothing(),
      stderr: stderr?.input ?? nothing(),
      async writeStdin(chunk) {
        if (stdin === undefined) throw new Error("the session was opened without stdin");
        // What the server has sent is read before a write that may find the connection closed: its
        // failure ends the connection, and what waits unread then is lost.
        await nextTurn();
        await stdin.write(chunk);
      },
      endStdin() {
        stdin?.end();
      },
      resize(columns, rows) {
        // A size that cannot be sent any more is of no use to a process that has ended.
        resize?.write(encodeTerminalSize(columns, rows)).catch(() => undefined);
      },
      result: readResult(session, error),
      close() {
        session.destroy();
      },
    };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** One connection through a port-forward URL of CRI's streaming server. */
export async function openPortForward(
  url: string,
  port: number,
  signal: AbortSignal,
): Promise<ByteStream> {
  const session = await connect(url, portForwardProtocol, signal);
  try {
    const headers = { port: String(port), requestid: "0" };
    const error = await session.open({ ...headers, streamtype: "error" }, signal);
    error.end();
    const data = await session.open({ ...headers, streamtype: "data" }, signal);
    return {
      output: readForwarded(session, data, error),
      write: (chunk) => data.write(chunk),
      end() {
        data.end();
      },
      close() {
        session.destroy();
      },
    };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

async function connect(url: string, protocol: string, signal: AbortSignal): Promise<SpdySession> {
  try {
    const upgraded = await openUpgrade(
      {
        url: new URL(url),
        method: "POST",
        upgrade: "SPDY/3.1",
        headers: { "x-stream-protocol-version": protocol },
      },
      signal,
    );
    const session = new SpdySession(upgraded.connection, { role: "client", head: upgraded.head });
    endWith(session, signal);
    return session;
  } catch (cause) {
    signal.throwIfAborted();
    throw new RuntimeError("other", "connect to the runtime's streaming server", { cause });
  }
}

/** The session lives no longer than whoever asked for it. */
function endWith(session: SpdySession, signal: AbortSignal): void {
  function drop(): void {
    session.destroy();
  }
  signal.addEventListener("abort", drop, { once: true });
  session.closed
    .then(() => {
      signal.removeEventListener("abort", drop);
    })
    .catch(() => undefined);
  if (signal.aborted) drop();
}

/** The server writes the status last and then ends the session, so the outputs have come by then. */
async function readResult(session: SpdySession, error: SpdyStream): Promise<SessionResult> {
  let text = "";
  let reason: string | undefined;
  try {
    for await (const chunk of error.input) {
      text += Buffer.from(chunk).toString();
      if (text.length > errorTextBytesMax) break;
    }
    await session.closed;
  } catch (cause) {
    reason = cause instanceof Error ? cause.message : String(cause);
  } finally {
    session.destroy();
  }
  if (text !== "" && (reason === undefined || isWhole(text))) return parseExitStatus(text);
  const message = `the session ${reason === undefined ? "ended without a result" : `broke: ${reason}`}`;
  return { kind: "error", message };
}

/** A status that came whole counts, even when the connection broke after it. */
function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function* readForwarded(
  session: SpdySession,
  data: SpdyStream,
  error: SpdyStream,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* data.input;
    const text = await readText(error.input);
    if (text !== "") throw new RuntimeError("other", `port-forward: ${text.trim()}`);
  } finally {
    session.close();
  }
}

async function readText(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > errorTextBytesMax) break;
  }
  return Buffer.concat(chunks).toString();
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // A stream that was not asked for is empty.
}
