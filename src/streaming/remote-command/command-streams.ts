import type { CommandResult } from "./exit-status.ts";

/** Which streams of a command the client asked for. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** A terminal: stderr comes with stdout, and the size may change. */
  readonly tty: boolean;
}

/** The server's side of one remote command, whatever protocol carries it. */
export interface CommandStreams {
  /** Ends when the client half-closes it or leaves; empty when it was not asked for. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Terminal sizes as JSON; see `readTerminalSizes`. */
  readonly resizes: AsyncIterable<Uint8Array>;
  /** Resolve when there is room for more. @throws {Error} when the client has left. */
  writeStdout(chunk: Uint8Array): Promise<void>;
  writeStderr(chunk: Uint8Array): Promise<void>;
  /** Tells how the command ended and closes the connection in order. Nothing is written after. */
  finish(result: CommandResult): Promise<void>;
  /** Settles when the connection is over, whoever ended it. */
  readonly closed: Promise<unknown>;
  /** Drops the connection at once. */
  destroy(): void;
}

/** A stream that was not asked for. */
export async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // It ends at once.
}
