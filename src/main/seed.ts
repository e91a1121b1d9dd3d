import { readFile } from "node:fs/promises";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { makeDebianImage } from "#build/base/debian.ts";
import { hostPlatform } from "./host-platform.ts";
import { seedImages } from "./images.ts";
import { openImages } from "./open-images.ts";
import type { Where } from "./options.ts";
import { pathsBelow, runDirectoryOf } from "./paths.ts";

const suitePattern = /^debian(?::([a-z][a-z0-9-]*))?$/;

/**
 * Makes a base image of this machine's packages. Resolves with its names.
 * @param image `busybox`, `debian`, `debian:trixie`.
 * @throws {Error} for another one, and naming the package that is missing.
 */
export async function seedImage(
  image: string,
  where: Where,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (image === "busybox") return await seedImages(where, signal);
  const match = suitePattern.exec(image);
  if (match === null) {
    throw new Error(`cannot make ${image}: expected busybox, debian or debian:<suite>`);
  }
  const suite = match[1] ?? (await ownSuite());
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  await using store = await openImages(paths, silentLogger);
  const epoch = Math.floor(systemClock.now() / 1000);
  return await makeDebianImage(store, { suite, platform: hostPlatform(undefined), epoch }, signal);
}

/** The release that this machine runs, whose packages its apt has. */
async function ownSuite(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  return /^ID=debian$/m.test(release) && suite !== undefined ? suite : "stable";
}
