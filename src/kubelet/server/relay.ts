import type { Clock } from "#base/clock.ts";
import type { ProcessSession, SessionResult } from "#cri/runtime.ts";
import { readTerminalSizes } from "#streaming/remote-command/channels.ts";
import type { CommandStreams } from "#streaming/remote-command/command-streams.ts";

/** How long a client that was told the result may take to close its connection. */
export const lingerMs = 30_000;

/**
 * How long a process whose outputs have ended may leave its input unread before it counts as ended.
 * containerd 1.6 does not tell the result of a process that left input behind: it goes on trying to
 * deliver it.
 */
export const unreadInputMs = 3_000;

export interface RelayOptions {
  readonly clock: Clock;
  /** False when the client asked for neither stdout nor stderr; their end says nothing then. */
  readonly hasOutput: boolean;
}

/**
 * Connects a process with its client until the process ends or the client leaves; resolves when
 * nothing flows any more. Each direction waits for its receiver, so no side is buffered whole.
 */
export async function relay(
  session: ProcessSession,
  client: CommandStreams,
  options: RelayOptions,
): Promise<void> {
  let isOver = false;
  const leaving = client.closed.then(() => {
    if (!isOver) session.close();
  });
  const input = new InputPump(session, client);
  const sizes = pumpSizes(session, client);
  const outputs = await Promise.allSettled([
    pump(session.stdout, (chunk) => client.writeStdout(chunk)),
    pump(session.stderr, (chunk) => client.writeStderr(chunk)),
  ]);
  const hasLeft = outputs.some((it) => it.status === "rejected");
  const isBroken = outputs.some((it) => it.status === "fulfilled" && it.value === "broken");
  // The client of a broken session is told so by its result.
  if (hasLeft || isBroken) session.close();
  if (hasLeft) client.destroy();
  const result = await resultOf(session, input, options);
  isOver = true;
  // The client may have left just now; then there is nobody to tell.
  await client.finish(result).catch(() => {
    client.destroy();
  });
  await Promise.all([input.done, sizes, closed(client, options.clock)]);
  await leaving;
}

/** The session's own result, unless it hangs over input that nobody reads. */
async function resultOf(
  session: ProcessSession,
  input: InputPump,
  { clock, hasOutput }: RelayOptions,
): Promise<SessionResult> {
  const told = session.result.then((result) => ({ result }));
  while (hasOutput) {
    const over = new AbortController();
    const { writes } = input;
    const late = clock.sleep(unreadInputMs, over.signal).catch(() => undefined);
    const first = await Promise.race([told, late]);
    over.abort();
    if (first !== undefined) return first.result;
    if (!input.isWaiting || input.writes !== writes) continue;
    session.close();
    const message = "the command ended without reading its input; its exit code is not known";
    return { kind: "error", message };
  }
  return (await told).result;
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

/** Rejects when the client takes no more; a session that breaks off is no fault of the client's. */
async function pump(
  from: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<"ended" | "broken"> {
  const chunks = from[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch(() => "broken" as const);
      if (next === "broken") return "broken";
      if (next.done === true) return "ended";
      await write(next.value);
    }
  } finally {
    await chunks.return?.();
  }
}

/** Carries the client's input. A process that takes no more gets no more: the rest is thrown away. */
class InputPump {
  readonly done: Promise<void>;
  #writes = 0;
  #isWaiting = false;

  constructor(session: ProcessSession, client: CommandStreams) {
    this.done = this.#run(session, client);
  }

  /** Pieces given to the process so far. */
  get writes(): number {
    return this.#writes;
  }

  /** The last piece has not been taken. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  async #run(session: ProcessSession, client: CommandStreams): Promise<void> {
    try {
      for await (const chunk of client.stdin) {
        this.#writes += 1;
        this.#isWaiting = true;
        await session.writeStdin(chunk);
        this.#isWaiting = false;
      }
    } catch {
      // The result tells how the process ended.
    } finally {
      this.#isWaiting = false;
      session.endStdin();
    }
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
