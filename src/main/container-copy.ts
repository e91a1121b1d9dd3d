import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { basename, dirname, join, resolve } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { findContainer } from "#containers/find.ts";
import {
  isDirectoryIn,
  landingOf,
  packedOf,
  packFrom,
  parseCopyPlace,
  unpackInto,
} from "#containers/run/copy.ts";

/** `gantry cp`. @throws {Error} for two places of one sort, and what tar says. */
export async function copyFiles(session: Session, from: string, to: string): Promise<void> {
  const source = parseCopyPlace(from);
  const target = parseCopyPlace(to);
  if (source.container !== undefined && target.container === undefined) {
    await copyOut(session, await findContainer(session, source.container), source.path, to);
  } else if (source.container === undefined && target.container !== undefined) {
    await copyIn(session, from, await findContainer(session, target.container), target.path);
  } else if (source.container === undefined) {
    throw new Error("must specify at least one container source: NAME:PATH");
  } else {
    throw new Error("copying between containers is not supported");
  }
}

async function copyOut(session: Session, pod: Pod, path: string, to: string): Promise<void> {
  if (to === "-") {
    await packFrom(session, pod, path, process.stdout);
    return;
  }
  const isDirectory = await isDirectoryHere(to);
  const { directory, name } = landingOf(resolve(to), isDirectory);
  if (!(await isDirectoryHere(directory))) throw new Error(`no such directory: ${directory}`);
  // Beside its place, so that what is cut short is not there half.
  const folder = await mkdtemp(join(directory, ".gantry-cp-"));
  try {
    const tar = spawn("tar", ["-xf", "-", "-C", folder], { stdio: ["pipe", "ignore", "inherit"] });
    const ended = once(tar, "close");
    try {
      await packFrom(session, pod, path, tar.stdin);
    } finally {
      tar.stdin.end();
    }
    const [code] = (await ended) as [number];
    if (code !== 0) throw new Error(`tar ended with ${code}`);
    await moveInto(folder, packedOf(path).name, { directory, name });
  } finally {
    await rm(folder, { recursive: true, force: true });
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

async function copyIn(session: Session, from: string, pod: Pod, path: string): Promise<void> {
  const isDirectory = path.endsWith("/") || (await isDirectoryIn(session, pod, path));
  const { directory, name } = landingOf(path, isDirectory);
  if (from === "-") {
    if (!isDirectory) throw new Error(`destination "${path}" must be a directory`);
    await unpackInto(session, pod, directory, process.stdin);
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
  const tar = spawn("tar", ["-cf", "-", ...renaming, "-C", place, "--", own], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Output that nobody reads yet is thrown away by Node when the program ends.
  await unpackInto(session, pod, directory, tar.stdout.pipe(new PassThrough()));
}

/** GNU tar's option that calls the packed thing otherwise, and leaves what links point to alone. */
function renamed(from: string, to: string): string {
  const pattern = from.replaceAll(/[\\.[\]*^$]/g, "\\$&").replaceAll("|", "\\|");
  const replacement = to.replaceAll(/[\\&|]/g, "\\$&");
  return `--transform=s|^${pattern}|${replacement}|SH`;
}

async function isDirectoryHere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
