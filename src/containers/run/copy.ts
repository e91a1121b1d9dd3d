import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { posix } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import type { Io } from "#cli/io.ts";
import { remoteCommand } from "#cli/remote-command.ts";
import { checkStarted } from "./changes.ts";
import { askNode, nodePath, streamFromNode } from "./node.ts";

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

/** What a node says of a path of a container: `kubelet/inside/pack.ts`. */
export interface PathFacts {
  readonly kind: "directory" | "file" | "link" | "other";
  /** Of the first entry of the tar; "." for a directory's contents. */
  readonly name: string;
}

interface CopySource {
  readonly path: string;
  /** A link at the end is followed. */
  readonly follow: boolean;
}

/** Undefined: nothing is there. @throws {Error} for a container that has never run. */
export async function factsOf(
  session: Session,
  pod: Pod,
  source: CopySource,
): Promise<PathFacts | undefined> {
  checkStarted(pod);
  const request = { method: "GET", route: "inside-stat", query: queryOf(source) } as const;
  const facts = JSON.parse(await askNode(session, pod, request)) as PathFacts | { kind: "none" };
  return facts.kind === "none" ? undefined : facts;
}

/** A tar of what is at a path of the container, on `out`. */
export async function packFrom(
  session: Session,
  pod: Pod,
  source: CopySource,
  out: Writable,
): Promise<void> {
  const request = { method: "GET", route: "inside-pack", query: queryOf(source) } as const;
  await writeAll(session, await streamFromNode(session, pod, request), out);
}

/** All files of a container but those of its volumes, as a tar. */
export async function exportFiles(session: Session, pod: Pod, out: Writable): Promise<void> {
  checkStarted(pod);
  const query = new URLSearchParams({ path: "/", follow: "true", own: "true" });
  const request = { method: "GET", route: "inside-pack", query } as const;
  await writeAll(session, await streamFromNode(session, pod, request), out);
}

async function writeAll(
  session: Session,
  chunks: AsyncIterable<Uint8Array>,
  out: Writable,
): Promise<void> {
  for await (const chunk of chunks) {
    if (!out.write(chunk)) await once(out, "drain", { signal: session.signal });
  }
}

function queryOf({ path, follow }: CopySource): URLSearchParams {
  return new URLSearchParams({ path, ...(follow ? { follow: "true" } : {}) });
}

/** Unpacks a tar below a directory of the container. */
export async function unpackInto(
  session: Session,
  pod: Pod,
  target: { readonly directory: string; readonly keepOwners: boolean },
  tar: Readable,
): Promise<void> {
  const query = new URLSearchParams({ path: target.directory });
  if (target.keepOwners) query.set("owners", "true");
  const path = await nodePath(session, pod, { route: "inside-unpack", query });
  const io: Io = { ...session.io, stdin: tar, terminal: undefined };
  await remoteCommand({ ...session, io }, path, { stdin: true, tty: false });
}
