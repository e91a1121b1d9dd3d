import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { workerImage } from "#cri/images/worker.ts";
import { loadArchive } from "#images/archive/load.ts";
import { makeDebianImage } from "#build/base/debian.ts";
import { hostPlatform } from "#main/process/host-platform.ts";
import { seedImages } from "./images.ts";
import { openImages } from "./open-images.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";

const suitePattern = /^debian(?::([a-z][a-z0-9-]*))?$/;

/**
 * Makes a base image of this machine's packages. Resolves with its names.
 * @param image `busybox`, `debian`, `debian:trixie`; `worker`: this very program, for workers in pods.
 * @throws {Error} for another one, and naming the package that is missing.
 */
export async function seedImage(
  image: string,
  where: Where,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (image === "busybox") return await seedImages(where, signal);
  if (image === "worker") return await seedWorker(where, signal);
  const match = suitePattern.exec(image);
  if (match === null) {
    throw new Error(`cannot make ${image}: expected busybox, worker, debian or debian:<suite>`);
  }
  const suite = match[1] ?? (await ownSuite());
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  await using store = await openImages(paths, silentLogger);
  const epoch = Math.floor(systemClock.now() / 1000);
  return await makeDebianImage(store, { suite, platform: hostPlatform(undefined), epoch }, signal);
}

async function seedWorker(where: Where, signal: AbortSignal): Promise<readonly string[]> {
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  await using store = await openImages(paths, silentLogger);
  const program = { node: process.execPath, folder: dirname(process.argv[1] ?? "") };
  const loaded = await loadArchive(store, workerImage(process.arch, program), signal);
  return loaded.map((it) => it.name ?? it.manifest.digest);
}

/** The release that this machine runs, whose packages its apt has. */
async function ownSuite(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  return /^ID=debian$/m.test(release) && suite !== undefined ? suite : "stable";
}
