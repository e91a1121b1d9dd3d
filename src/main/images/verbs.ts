import { createReadStream, createWriteStream } from "node:fs";
import { text as textOf } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { imageArchitecture } from "#oci/architecture.ts";
import { loadArchive } from "#images/archive/load.ts";
import { saveArchive, type SavedImage } from "#images/archive/save.ts";
import { findCredentials, withCredentials } from "#images/client/docker-config.ts";
import type { RemoteRegistry } from "#images/client/remote.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { findImage, fullName, type ImageWorld } from "#images/verbs/find-image.ts";
import { pull, push, pushLocally } from "#images/verbs/transfer.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  type ImageReference,
} from "#oci/reference.ts";
import { readDockerConfig, writeDockerConfig } from "./docker-config-file.ts";
import { openImages } from "./open-images.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf, type Paths } from "#main/process/paths.ts";
import { ownNames, registryPortOf } from "./registry-names.ts";
import { stopSignal } from "#main/process/stop-signal.ts";

export interface TransferCommand extends Where {
  readonly quiet: boolean;
  readonly allTags?: boolean;
  readonly tlsVerify: boolean;
  readonly platform?: string;
}

/** Opens the installation's images for one command. */
export async function withImages<T>(
  where: Where,
  use: (world: ImageWorld, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  using stop = stopSignal("interrupted");
  await using store = await openImages(paths, silentLogger);
  return await use(await imageWorld(store, paths), stop.signal);
}

/** What commands on images work with, of an installation. */
export async function imageWorld(store: ImageStore, paths: Paths): Promise<ImageWorld> {
  const port = await registryPortOf(paths);
  return {
    store,
    platform: { os: "linux", architecture: imageArchitecture(process.arch) },
    ownName: `localhost:${port}`,
    isOwnName: ownNames(port, []),
  };
}

export async function pullCommand(name: string, options: TransferCommand): Promise<void> {
  const reference = parseReference(name);
  const isDefault = reference.tag === "latest" && !name.endsWith(":latest");
  if (isDefault && !options.quiet) printLine("Using default tag: latest");
  await withImages(options, async (world, signal) => {
    if (world.isOwnName(reference.domain)) {
      const found = await findImage(world, name);
      printLine(
        `Status: Image is up to date for ${familiarReference(reference)} (${found.digest})`,
      );
      return;
    }
    using remote = await remoteOf(reference, options.tlsVerify);
    const platform =
      options.platform === undefined ? world.platform : parsePlatform(options.platform);
    const output = { line: printLine, quiet: options.quiet };
    await pull({ ...world, platform }, { remote, reference }, output, signal);
  });
}

export async function pushCommand(name: string, options: TransferCommand): Promise<void> {
  const reference = parseReference(name);
  const output = { line: printLine, quiet: options.quiet };
  await withImages(options, async (world, signal) => {
    if (world.isOwnName(reference.domain)) {
      await pushLocally(world, reference, output);
      return;
    }
    using remote = await remoteOf(reference, options.tlsVerify);
    const allTags = options.allTags === true;
    await push(world, { remote, reference, allTags }, output, signal);
  });
}

export interface SaveCommand extends Where {
  /** Undefined for the standard output. */
  readonly output: string | undefined;
}

export async function saveCommand(names: readonly string[], options: SaveCommand): Promise<void> {
  if (options.output === undefined && process.stdout.isTTY) {
    throw new Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  await withImages(options, async (world, signal) => {
    const images: SavedImage[] = [];
    for (const name of names) {
      images.push({ manifest: await findImage(world, name), ...savedNames(world, name) });
    }
    const to = options.output === undefined ? process.stdout : createWriteStream(options.output);
    await saveArchive(world.store, images, to, signal);
  });
}

export interface LoadCommand extends Where {
  /** Undefined for the standard input. */
  readonly input: string | undefined;
  readonly quiet: boolean;
}

export async function loadCommand(options: LoadCommand): Promise<void> {
  const { input } = options;
  const from = input === undefined ? process.stdin : createReadStream(input);
  await withImages(options, async ({ store }, signal) => {
    for (const { name, manifest } of await loadArchive(store, unzipped(from), signal)) {
      printLine(
        name === undefined
          ? `Loaded image ID: ${manifest.digest}`
          : `Loaded image: ${familiarReference(parseReference(name))}`,
      );
    }
  });
}

export interface LoginCommand {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly passwordStdin: boolean;
  readonly tlsVerify: boolean;
}

/** Keeps credentials that a registry believes in Docker's file. @throws {RemoteError} for others. */
export async function loginCommand(server: string, options: LoginCommand): Promise<void> {
  const domain = domainOf(server);
  const username = options.username ?? "";
  const given = options.passwordStdin ? await textOf(process.stdin) : options.password;
  const password = given?.replace(/\r?\n$/, "") ?? "";
  if (username === "" || password === "") {
    throw new Error("login needs --username and --password-stdin (or --password)");
  }
  const credentials = { username, password };
  using remote = await openRemote(domain, credentials, options.tlsVerify);
  await remote.ping(new AbortController().signal);
  await writeDockerConfig(withCredentials(await readDockerConfig(), domain, credentials));
  printLine("Login Succeeded");
}

export async function logoutCommand(server: string): Promise<void> {
  const domain = domainOf(server);
  printLine(`Removing login credentials for ${domain}`);
  await writeDockerConfig(withCredentials(await readDockerConfig(), domain, undefined));
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

function domainOf(server: string): string {
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "" || host === "index.docker.io" ? "docker.io" : host;
}

/** A client of the registry of a name, with the user's credentials for it. */
export async function remoteOf(
  { domain }: ImageReference,
  tlsVerify: boolean,
): Promise<RemoteRegistry> {
  const credentials = await findCredentials(await readDockerConfig(), domain);
  return await openRemote(domain, credentials, tlsVerify);
}

/** Loaded when it is needed: HTTP takes a fifth of a command's start. */
async function openRemote(
  domain: string,
  credentials: { readonly username: string; readonly password: string } | undefined,
  tlsVerify: boolean,
): Promise<RemoteRegistry> {
  const { RemoteRegistry } = await import("#images/client/remote.ts");
  return new RemoteRegistry({ domain, credentials, ca: undefined, isInsecure: !tlsVerify });
}

function savedNames(world: ImageWorld, name: string): Pick<SavedImage, "names" | "familiarNames"> {
  try {
    const reference = parseReference(name);
    const repository = world.isOwnName(reference.domain)
      ? fullName(world, reference.path)
      : `${reference.domain}/${reference.path}`;
    const isThere = world.store.findManifest(
      world.isOwnName(reference.domain) ? reference.path : repository,
      reference.tag ?? "",
    );
    if (reference.tag === undefined || isThere === undefined)
      return { names: [], familiarNames: [] };
    return { names: [formatReference(reference)], familiarNames: [familiarReference(reference)] };
  } catch {
    return { names: [], familiarNames: [] };
  }
}

/** Archives may be compressed with gzip, whatever they are called. */
export async function* unzipped(
  from: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = from[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const rest = joined(first.value, iterator);
  const isGzip = first.value[0] === 0x1f && first.value[1] === 0x8b;
  if (!isGzip) {
    yield* rest;
    return;
  }
  const { Readable } = await import("node:stream");
  const source = Readable.from(rest);
  const unzip = createGunzip();
  source.once("error", (error) => {
    unzip.destroy(error);
  });
  for await (const chunk of source.pipe(unzip)) yield chunk as Uint8Array;
}

async function* joined(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** `linux/arm64/v8`. @throws {Error} */
export function parsePlatform(text: string): ImageWorld["platform"] {
  const [os = "", architecture = "", variant] = text.split("/");
  if (os === "" || architecture === "") {
    throw new Error(`--platform: expected os/architecture[/variant], found '${text}'`);
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** The clock of commands. */
export function nowMs(): number {
  return systemClock.now();
}
