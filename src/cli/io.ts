import type { Readable } from "node:stream";

/** What a verb reads from and writes to; `main` passes the process's own. */
export interface Io {
  out(text: string | Uint8Array): void;
  err(text: string | Uint8Array): void;
  /** Resolves when more may be written; undefined, or without it: at once. */
  flush?(): Promise<void> | undefined;
  readonly stdin: Readable & {
    readonly isTTY?: boolean | undefined;
    setRawMode?(raw: boolean): unknown;
  };
  /** Size of the terminal and news of its change; undefined where there is none. */
  readonly terminal:
    | {
        size(): { readonly columns: number; readonly rows: number };
        /** Returns what ends the news. */
        onResize(listener: () => void): () => void;
      }
    | undefined;
}
