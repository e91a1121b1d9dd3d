import type { FileHandle } from "node:fs/promises";
import { describeError } from "#base/log.ts";
import type { ProcessSession, SessionResult } from "#cri/runtime.ts";
import { unpackInto, type UnpackOptions } from "#kubelet/inside/unpack.ts";
import { ByteInbox } from "#streaming/byte-inbox.ts";

const inboxBytes = 1024 * 1024;

/** Unpacks what a client sends as its input; the root is closed at the end. */
export function unpackSession(root: FileHandle, options: UnpackOptions): ProcessSession {
  const inbox = new ByteInbox(inboxBytes);
  const work = async (): Promise<SessionResult> => {
    try {
      await unpackInto(root, inbox, options);
      return { kind: "exit", code: 0 };
    } catch (error) {
      return { kind: "error", message: describeError(error) };
    } finally {
      inbox.discard();
      await root.close();
    }
  };
  const result = work();
  return {
    // Both end with the work, and not before.
    stdout: silentUntil(result),
    stderr: silentUntil(result),
    async writeStdin(chunk) {
      inbox.push(chunk);
      await inbox.room();
    },
    endStdin() {
      inbox.end();
    },
    resize: () => undefined,
    result,
    close() {
      inbox.end(new Error("the client left"));
    },
  };
}

/** Nothing, and its end once the work has ended. */
function silentUntil(result: Promise<SessionResult>): AsyncIterable<Uint8Array> {
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    await result;
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
