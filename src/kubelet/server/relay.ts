import type { Clock } from "#base/clock.ts";
import type { ProcessSession } from "#cri/runtime.ts";
import { readTerminalSizes } from "#streaming/remote-command/channels.ts";
import type { CommandStreams } from "#streaming/remote-command/command-streams.ts";

/** How long a client that was told the result may take to close its connection. */
export const lingerMs = 30_000;

/**
 * Connects a process with its client until the process ends or the client leaves; resolves when
 * nothing flows any more. Each direction waits for its receiver, so no side is buffered whole.
 */
export async function relay(
  session: ProcessSession,
  client: CommandStreams,
  clock: Clock,
): Promise<void> {
  let isOver = false;
  const leaving = client.closed.then(() => {
    if (!isOver) session.close();
  });
  const input = pumpStdin(session, client);
  const sizes = pumpSizes(session, client);
  const outputs = await Promise.allSettled([
    pump(session.stdout, (chunk) => client.writeStdout(chunk)),
    pump(session.stderr, (chunk) => client.writeStderr(chunk)),
  ]);
  const hasLeft = outputs.some((it) => it.status === "rejected");
  if (hasLeft) {
    session.close();
    client.destroy();
  }
  const result = await session.result;
  isOver = true;
  // The client may have left just now; then there is nobody to tell.
  await client.finish(result).catch(() => {
    client.destroy();
  });
  await Promise.all([input, sizes, closed(client, clock)]);
  await leaving;
}

/** Waits for the client's end of the connection, but not for ever. */
export async function closed(client: CommandStreams, clock: Clock): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(lingerMs, over.signal).then(
    () => {
      client.destroy();
    },
    () => undefined, // It closed in time.
  );
  await client.closed;
  over.abort();
  await late;
}

async function pump(
  from: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  for await (const chunk of from) await write(chunk);
}

/** A process that closed its stdin or ended takes no more: the rest is thrown away. */
async function pumpStdin(session: ProcessSession, client: CommandStreams): Promise<void> {
  try {
    for await (const chunk of client.stdin) await session.writeStdin(chunk);
  } catch {
    // The result tells how the process ended.
  } finally {
    session.endStdin();
  }
}

async function pumpSizes(session: ProcessSession, client: CommandStreams): Promise<void> {
  try {
    for await (const { columns, rows } of readTerminalSizes(client.resizes)) {
      session.resize(columns, rows);
    }
  } catch {
    // The connection broke; the other streams notice too.
  }
}
