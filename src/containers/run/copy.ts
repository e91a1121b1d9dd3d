import type { Pod } from "#api/gen/types.ts";
import { Readable, type Writable } from "node:stream";
import { posix } from "node:path";
import type { Session } from "#cli/connection.ts";
import type { Io } from "#cli/io.ts";
import { exec } from "#cli/exec.ts";
import { nameOf, podName } from "#containers/find.ts";
import { containerStateOf } from "#containers/state.ts";

/** One side of a copy. */
export interface CopyPlace {
  /** Undefined: on this machine. */
  readonly container: string | undefined;
  readonly path: string;
}

/** `NAME:PATH` or a path of this machine; one that has a colon begins with `./` or `/`. */
export function parseCopyPlace(text: string): CopyPlace {
  const at = text.indexOf(":");
  if (at <= 0 || /^[./]/.test(text)) return { container: undefined, path: text };
  return { container: text.slice(0, at), path: text.slice(at + 1) };
}

/** Where things land: below a directory under their own name, or in its place under another one. */
export interface Landing {
  readonly directory: string;
  /** Undefined: under the name that they have; "." for the contents of a directory. */
  readonly name: string | undefined;
}

/** Docker's rules: into a directory that is there, else as the name that is given. */
export function landingOf(target: string, isDirectory: boolean): Landing {
  if (isDirectory) return { directory: target, name: undefined };
  const trimmed = target.replace(/\/+$/, "");
  return { directory: posix.dirname(trimmed), name: posix.basename(trimmed) };
}

/** What is packed: `name` of `directory`; "." is a directory's contents. */
export function packedOf(source: string): { readonly directory: string; readonly name: string } {
  if (/(^|\/)\.$/.test(source)) return { directory: source, name: "." };
  const trimmed = source.replace(/\/+$/, "");
  if (trimmed === "") return { directory: "/", name: "." };
  return { directory: posix.dirname(trimmed), name: posix.basename(trimmed) };
}

/** A tar of what is at a path of the container, on `out`. @throws {Error} what tar says. */
export async function packFrom(
  session: Session,
  pod: Pod,
  path: string,
  out: Writable,
): Promise<void> {
  const { directory, name } = packedOf(path);
  await runTar(session, pod, ["tar", "-cf", "-", "-C", directory, "--", name], {
    input: Readable.from([]),
    output: out,
  });
}

/** Unpacks a tar below a directory of the container. */
export async function unpackInto(
  session: Session,
  pod: Pod,
  directory: string,
  tar: Readable,
): Promise<void> {
  await runTar(session, pod, ["tar", "-xf", "-", "-C", directory], {
    input: tar,
    output: undefined,
  });
}

export async function isDirectoryIn(session: Session, pod: Pod, path: string): Promise<boolean> {
  const io = capturing(session.io, () => undefined, Readable.from([]));
  return (await exec({ ...session, io }, podName(pod), ["test", "-d", path], {})) === 0;
}

async function runTar(
  session: Session,
  pod: Pod,
  command: readonly string[],
  streams: { readonly input: Readable; readonly output: Writable | undefined },
): Promise<void> {
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`container ${nameOf(pod)} is not running: files are copied by its own tar`);
  }
  let said = "";
  const { output } = streams;
  const io: Io = {
    ...capturing(session.io, (text) => (said += text), streams.input),
    out: (bytes) => output?.write(bytes),
    flush: () => {
      if (output?.writableNeedDrain !== true) return undefined;
      return new Promise((resolve) => output.once("drain", resolve));
    },
  };
  const code = await exec({ ...session, io }, podName(pod), command, { stdin: true }).catch(
    (error: unknown) => {
      const { message } = error as Error;
      if (!message.includes("executable file not found")) throw error;
      throw new Error(`${nameOf(pod)} has no tar, which copying needs`, { cause: error });
    },
  );
  if (code !== 0) throw new Error(said.trim() === "" ? `tar ended with ${code}` : said.trim());
}

function capturing(io: Io, note: (text: string) => void, stdin: Readable): Io {
  return {
    ...io,
    out: () => undefined,
    err: (text) => {
      note(Buffer.from(text).toString("utf8"));
    },
    stdin,
    terminal: undefined,
  };
}
