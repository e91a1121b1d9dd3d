import type { Clock } from "#base/clock.ts";
import { resetStatus } from "#streaming/spdy/frame.ts";
import type { SpdySession } from "#streaming/spdy/session.ts";
import type { SpdyStream } from "#streaming/spdy/stream.ts";
import { canResize, writesStatus, type RemoteCommandProtocol } from "./channels.ts";
import { nothing, type CommandStreams, type WantedStreams } from "./command-streams.ts";
import { encodeExitStatus, encodeExitText, type CommandResult } from "./exit-status.ts";

/** Protocols of exec and attach over SPDY; half-close is SPDY's own, so there is no v5. */
export const commandSpdyProtocols = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const satisfies readonly RemoteCommandProtocol[];

export type CommandSpdyProtocol = (typeof commandSpdyProtocols)[number];

/** How long a client may take to open its streams (kubelet `streamCreationTimeout`). */
export const streamCreationMs = 30_000;

/**
 * Waits for the streams that the client must open, and serves the command over them.
 * @throws {Error} when they do not come in time; the session is over then.
 */
export async function openSpdyCommand(
  session: SpdySession,
  protocol: CommandSpdyProtocol,
  wanted: WantedStreams,
  clock: Clock,
): Promise<CommandStreams> {
  const streams = await collectStreams(session, expectedStreams(protocol, wanted), clock);
  const { stdin, stdout, stderr, error, resize } = streams;
  return {
    stdin: stdin?.input ?? nothing(),
    resizes: resize?.input ?? nothing(),
    async writeStdout(chunk) {
      await stdout?.write(chunk);
    },
    async writeStderr(chunk) {
      await stderr?.write(chunk);
    },
    async finish(result: CommandResult) {
      stdout?.end();
      stderr?.end();
      const bytes = writesStatus(protocol) ? encodeExitStatus(result) : encodeExitText(result);
      if (bytes.length > 0) await error?.write(bytes);
      error?.end();
      session.close();
    },
    closed: session.closed,
    destroy() {
      session.destroy();
    },
  };
}

function expectedStreams(protocol: CommandSpdyProtocol, wanted: WantedStreams): StreamType[] {
  const expected: StreamType[] = ["error"];
  if (wanted.stdin) expected.push("stdin");
  if (wanted.stdout) expected.push("stdout");
  if (wanted.stderr) expected.push("stderr");
  if (wanted.tty && canResize(protocol)) expected.push("resize");
  return expected;
}

type StreamType = "error" | "stdin" | "stdout" | "stderr" | "resize";

async function collectStreams(
  session: SpdySession,
  expected: readonly StreamType[],
  clock: Clock,
): Promise<Partial<Record<StreamType, SpdyStream>>> {
  const found: Partial<Record<StreamType, SpdyStream>> = {};
  const missing = new Set<StreamType>(expected);
  const complete = new AbortController();
  const late = clock.sleep(streamCreationMs, complete.signal).then(
    () => {
      session.destroy();
    },
    () => undefined, // The streams came in time.
  );
  for await (const stream of session.incoming()) {
    const type = [...missing].find((it) => it === stream.headers["streamtype"]);
    if (type === undefined) {
      stream.reset(resetStatus.refusedStream);
      continue;
    }
    stream.reply();
    found[type] = stream;
    missing.delete(type);
    if (missing.size === 0) break;
  }
  complete.abort();
  await late;
  if (missing.size > 0) {
    session.destroy();
    throw new Error(`the client did not open its streams: missing ${[...missing].join(", ")}`);
  }
  return found;
}
