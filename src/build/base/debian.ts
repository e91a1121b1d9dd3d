import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { gzip } from "#build/archive/compress.ts";
import { hashed } from "#build/archive/hashed.ts";
import { assembleConfig, assembleManifest } from "#build/image/assemble.ts";
import { emptyState, type Platform } from "#build/stage/state.ts";
import { readTar } from "#build/tar/read.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { mediaTypes } from "#oci/media-types.ts";

export interface DebianRequest {
  /** Debian's release: `bookworm`. */
  readonly suite: string;
  readonly platform: Platform;
  /** Of the image's files, in seconds since the epoch, and of the image. */
  readonly epoch: number;
}

const repository = "docker.io/library/debian";
const leaseMs = 3_600_000;
const errorBytesMax = 4_000;

/**
 * Directories of which nothing is kept: what apt has downloaded, and devices, which are the
 * container's.
 */
const emptied = /^\.?\/?(?:dev|var\/lib\/apt\/lists|var\/cache\/apt\/archives|var\/log|run|tmp)\/./;

/**
 * Makes `debian:<suite>` of Debian's packages, as the machine's apt gets them, and puts it into the
 * store. Resolves with its names.
 * @throws {Error} with what mmdebstrap says.
 */
export async function makeDebianImage(
  store: ImageStore,
  { suite, platform, epoch }: DebianRequest,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await using lease = await store.openLease("seed", leaseMs);
  const hash = createHash("sha256");
  const files = keptEntries(bootstrap(suite, epoch, signal), epoch);
  const blob = await store.writeBlob(gzip(hashed(writeTar(files), hash)), { lease }, signal);
  const layer = {
    descriptor: { mediaType: mediaTypes.layerGzip, digest: blob.digest, size: blob.sizeBytes },
    diffId: `sha256:${hash.digest("hex")}`,
    createdAt: epoch * 1000,
  };
  const createdBy = `mmdebstrap --variant=minbase ${suite}`;
  const empty = emptyState(platform);
  const state = {
    ...empty,
    config: { ...empty.config, Cmd: ["bash"], WorkingDir: "" },
    history: [{ created_by: createdBy }],
  };
  const options = { labels: new Map<string, string>(), epochMs: epoch * 1000, nowMs: epoch * 1000 };
  const bytes = Buffer.from(JSON.stringify(assembleConfig(state, [layer], options)));
  async function* once(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  const config = await store.writeBlob(once(), { lease }, signal);
  const manifest = assembleManifest({ digest: config.digest, size: config.sizeBytes }, [layer]);
  const tags = [suite, `${suite}-slim`, "latest"];
  await store.putManifest({ repository, bytes: Buffer.from(JSON.stringify(manifest)), tags });
  return tags.map((it) => `${repository}:${it}`);
}

async function* keptEntries(
  archive: AsyncIterable<Uint8Array>,
  epoch: number,
): AsyncGenerator<WriteEntry, void, undefined> {
  for await (const { entry, content } of readTar(archive)) {
    const name = entry.name.replace(/^\.\/?/, "");
    if (name === "" || emptied.test(entry.name)) continue;
    const linkName = entry.kind === "link" ? entry.linkName.replace(/^\.\//, "") : entry.linkName;
    yield { entry: { ...entry, name, linkName, mtime: Math.min(entry.mtime, epoch) }, content };
  }
}

/** The archive of a minimal system. It takes the machine's sources of packages and their keys. */
async function* bootstrap(
  suite: string,
  epoch: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const environment = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    HOME: "/root",
    SOURCE_DATE_EPOCH: String(epoch),
  };
  const args = ["--variant=minbase", "--format=tar", suite, "-"];
  const child = spawn("mmdebstrap", args, {
    signal,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-errorBytesMax);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) => {
      reject(new Error("cannot run mmdebstrap: install the Debian package mmdebstrap", { cause }));
    });
    child.once("close", resolve);
  });
  // Awaited below; a program that is missing fails first.
  ended.catch(() => undefined);
  for await (const chunk of child.stdout) yield chunk as Buffer;
  const code = await ended;
  if (code !== 0)
    throw new Error(`mmdebstrap ${suite} failed (${code ?? "killed"}): ${said.trim()}`);
}
