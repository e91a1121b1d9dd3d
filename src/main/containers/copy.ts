import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { findContainer, nameOf } from "#containers/find.ts";
import {
  exportFiles,
  factsOf,
  landingOf,
  packFrom,
  parseCopyPlace,
  unpackInto,
} from "#containers/run/copy.ts";

export interface CopyOptions {
  /** Numbers of users and groups are kept; else files in a container are root's. */
  readonly archive: boolean;
  /** Links at the end of the source are followed. */
  readonly followLink: boolean;
}

interface Copy {
  readonly session: Session;
  readonly options: CopyOptions;
}

/** Finds what a name before a colon means. */
type Find = (session: Session, name: string) => Promise<Pod>;

/** `gantry cp`, and of compose with another way to find a container. @throws {Error} for two places of one sort, and what tar says. */
export async function copyFiles(
  session: Session,
  from: string,
  to: string,
  options: CopyOptions & { readonly find?: Find },
): Promise<void> {
  const copy = { session, options };
  const find = options.find ?? findContainer;
  const source = parseCopyPlace(from);
  const target = parseCopyPlace(to);
  if (source.container !== undefined && target.container === undefined) {
    await copyOut(copy, await find(session, source.container), source.path, to);
  } else if (source.container === undefined && target.container !== undefined) {
    await copyIn(copy, from, await find(session, target.container), target.path);
  } else if (source.container === undefined) {
    throw new Error("must specify at least one container source: NAME:PATH");
  } else {
    throw new Error("copying between containers is not supported");
  }
}

async function copyOut(
  { session, options }: Copy,
  pod: Pod,
  path: string,
  to: string,
): Promise<void> {
  const asked = { path, follow: options.followLink };
  const facts = await factsOf(session, pod, asked);
  if (facts === undefined) throw noFile(path, pod);
  if (to === "-") {
    await packFrom(session, pod, asked, process.stdout);
    return;
  }
  const isDirectory = await isDirectoryHere(to);
  const landing = landingOf(resolve(to), isDirectory);
  const { directory } = landing;
  // A directory whose contents come is put under its own name, but where the contents are meant.
  const isNamed = facts.name === "." && !/(^|\/)\.?$/.test(path.replace(/(.)\/+$/, "$1"));
  const name = landing.name ?? (isNamed ? posix.basename(path) : undefined);
  if (!(await isDirectoryHere(directory))) throw new Error(`no such directory: ${directory}`);
  // Beside its place, so that what is cut short is not there half.
  const folder = await mkdtemp(join(directory, ".gantry-cp-"));
  try {
    const tar = spawn("tar", ["-xf", "-", "-C", folder], { stdio: ["pipe", "ignore", "inherit"] });
    const ended = once(tar, "close");
    try {
      await packFrom(session, pod, asked, tar.stdin);
    } finally {
      tar.stdin.end();
    }
    const [code] = (await ended) as [number];
    if (code !== 0) throw new Error(`tar ended with ${code}`);
    await moveInto(folder, facts.name, { directory, name });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `gantry export`. @param file undefined for the standard output. @throws {Error} */
export async function exportContainer(
  session: Session,
  pod: Pod,
  file: string | undefined,
): Promise<void> {
  if (file === undefined && process.stdout.isTTY) {
    throw new Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  if (file === undefined) {
    await exportFiles(session, pod, process.stdout);
    return;
  }
  const out = createWriteStream(file);
  try {
    await exportFiles(session, pod, out);
  } finally {
    out.end();
    await finished(out);
  }
}

async function moveInto(
  folder: string,
  packed: string,
  { directory, name }: { readonly directory: string; readonly name: string | undefined },
): Promise<void> {
  if (name !== undefined) {
    await rename(packed === "." ? folder : join(folder, packed), join(directory, name));
    return;
  }
  // Merged with what is there, as Docker does.
  const from = packed === "." ? "." : packed;
  const pack = spawn("tar", ["-cf", "-", "-C", folder, "--", from], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const unpack = spawn("tar", ["-xf", "-", "-C", directory], {
    stdio: [pack.stdout, "ignore", "inherit"],
  });
  const [code] = (await once(unpack, "close")) as [number];
  if (code !== 0) throw new Error(`tar ended with ${code}`);
}

async function copyIn(
  { session, options }: Copy,
  from: string,
  pod: Pod,
  path: string,
): Promise<void> {
  const facts = await factsOf(session, pod, { path, follow: true });
  const isDirectory = facts?.kind === "directory";
  if (!isDirectory && path.endsWith("/")) throw noFile(path, pod);
  const { directory, name } = landingOf(path, isDirectory);
  const above = await factsOf(session, pod, { path: directory, follow: true });
  if (above?.kind !== "directory") throw noFile(directory, pod);
  const target = { directory, keepOwners: options.archive };
  if (from === "-") {
    if (!isDirectory) throw new Error(`destination "${path}" must be a directory`);
    await unpackInto(session, pod, target, process.stdin);
    return;
  }
  const source = resolve(from);
  await stat(source).catch(() => {
    throw new Error(`lstat ${source}: no such file or directory`);
  });
  // The contents of a directory go into one that is there; else the directory is called otherwise.
  const isContents = /(^|\/)\.$/.test(from) && name === undefined;
  const own = isContents ? "." : basename(source);
  const renaming = name === undefined ? [] : [renamed(own, name)];
  const place = isContents ? source : dirname(source);
  const links = options.followLink ? ["--dereference-args"] : [];
  const tar = spawn("tar", ["-cf", "-", ...links, ...renaming, "-C", place, "--", own], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Output that nobody reads yet is thrown away by Node when the program ends.
  await unpackInto(session, pod, target, tar.stdout.pipe(new PassThrough()));
}

/** GNU tar's option that calls the packed thing otherwise, and leaves what links point to alone. */
function renamed(from: string, to: string): string {
  const pattern = from.replaceAll(/[\\.[\]*^$]/g, "\\$&").replaceAll("|", "\\|");
  const replacement = to.replaceAll(/[\\&|]/g, "\\$&");
  return `--transform=s|^${pattern}|${replacement}|SH`;
}

function noFile(path: string, pod: Pod): Error {
  return new Error(`Could not find the file ${path} in container ${nameOf(pod)}`);
}

async function isDirectoryHere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
