import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { findCredentials } from "#images/client/docker-config.ts";
import { RemoteRegistry } from "#images/client/remote.ts";
import { openImageStore } from "#images/store/open.ts";
import { PullThrough } from "#registry/mirror/pull-through.ts";
import { readDockerConfig } from "./docker-config-file.ts";
import { readFileIfPresent, writeFileAtomically } from "#pki/files.ts";
import { openGate, type Gate } from "#registry/access.ts";
import { CredentialGate } from "#registry/auth/gate.ts";
import { parseGrants } from "#registry/auth/grants.ts";
import { hashPassword } from "#registry/auth/password.ts";
import { isUserName, UsersFile, withUser } from "#registry/auth/users-file.ts";
import { openRegistryServer, type ListenerTls } from "#registry/server.ts";
import { aborted } from "#main/process/aborted.ts";
import { runInForeground } from "#main/command-line/foreground.ts";
import { collectRegularly, openImages } from "./open-images.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { usersFileOf } from "./registry-names.ts";

const passwordBytes = 18;

export interface ServeOptions {
  /** `host:port`. */
  readonly listen: string;
  readonly storage: string;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly auth: "none" | "basic" | "token";
  /** Needed unless `auth` is none. */
  readonly users: string | undefined;
  readonly anonymousPull: boolean;
  /** `docker.io`: serves that registry's images, and keeps them. Undefined: its own. */
  readonly mirror: string | undefined;
}

/** Runs a registry by itself until a signal ends it. @throws {Error} for options that do not fit. */
export async function serveRegistry(options: ServeOptions): Promise<void> {
  const gate = gateOf(options);
  const tls = await tlsOf(options);
  const { host, port } = parseListen(options.listen);
  // What a request leaves is collected early: a third less memory, for the same processor time.
  setFlagsFromString("--semi-space-growth-factor=1");
  await runInForeground({}, async (log, signal) => {
    await using store = await openImageStore(options.storage, { clock: systemClock, log });
    using remote = await remoteOf(options.mirror);
    const { mirror: domain = "" } = options;
    const mirror =
      remote && new PullThrough({ store, remote, domain, clock: systemClock, log, signal });
    await using server = await openRegistryServer({
      store,
      listeners: [{ host, port, gate, tls }],
      mirror,
      isOwnName: () => false,
      clock: systemClock,
      log,
    });
    await using tasks = new TaskGroup((error) => {
      log.error("a part failed", { error: error as Error });
    });
    tasks.start(async (stop) => {
      await collectRegularly(store, log, stop);
    });
    const scheme = tls === undefined ? "http" : "https";
    log.info("serving", { url: `${scheme}://${host}:${server.ports[0] ?? port}` });
    await aborted(signal);
  });
}

/** What `gantry registry passwd` changes. */
export interface PasswordOptions extends Where {
  readonly grants: string;
  readonly users: string | undefined;
}

/**
 * Gives a user a password: the first line of the input, or a new one, with which it resolves.
 * @throws {Error} for a name or grants that are none.
 */
export async function setPassword(
  name: string,
  options: PasswordOptions,
): Promise<string | undefined> {
  if (!isUserName(name)) throw new Error(`'${name}' is no user name: letters, digits, . _ @ -`);
  parseGrants(options.grants);
  const given = process.stdin.isTTY ? "" : ((await textOf(process.stdin)).split("\n")[0] ?? "");
  const password = given === "" ? randomBytes(passwordBytes).toString("base64url") : given;
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  const file = options.users ?? usersFileOf(paths);
  const grants = options.grants === "" ? "" : `:${options.grants}`;
  const line = `${name}:${await hashPassword(password)}${grants}`;
  await writeFileAtomically(file, withUser((await readFileIfPresent(file)) ?? "", line), 0o600);
  return given === "" ? password : undefined;
}

export interface CollectCommand extends Where {
  readonly storage: string | undefined;
  readonly untagged: boolean;
}

/** Removes what nothing needs, beside whatever runs. */
export async function collectGarbage(
  options: CollectCommand,
  signal: AbortSignal,
): Promise<string> {
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  const world = { clock: systemClock, log: silentLogger };
  await using store =
    options.storage === undefined
      ? await openImages(paths, silentLogger)
      : await openImageStore(options.storage, world);
  const untaggedMs = options.untagged ? 0 : undefined;
  const { blobs, manifests, freedBytes } = await store.collect({ untaggedMs }, signal);
  return `removed ${manifests} manifests and ${blobs} blobs, ${freedBytes} bytes`;
}

/** The registry that is mirrored, with the credentials of Docker's file if it has some. */
async function remoteOf(domain: string | undefined): Promise<RemoteRegistry | undefined> {
  if (domain === undefined) return undefined;
  const credentials = await findCredentials(await readDockerConfig(), domain);
  return new RemoteRegistry({ domain, credentials, ca: undefined, isInsecure: false });
}

function gateOf({ auth, users, anonymousPull }: ServeOptions): Gate {
  if (auth === "none") return openGate(["pull", "push", "delete"]);
  if (users === undefined) {
    throw new Error(`--auth ${auth} needs --users <file>: gantry registry passwd writes it`);
  }
  return new CredentialGate({
    scheme: auth,
    users: new UsersFile(users),
    anonymousPull,
    organizations: {},
    clock: systemClock,
  });
}

async function tlsOf({ tlsCert, tlsKey }: ServeOptions): Promise<ListenerTls | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new Error("--tls-cert and --tls-key go together");
  }
  const [certificate, key] = await Promise.all([
    readFile(tlsCert, "utf8"),
    readFile(tlsKey, "utf8"),
  ]);
  return { certificate, key, clientCa: undefined };
}

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (port === "" || Number(port) > 65_535) {
    throw new Error(`--listen: expected host:port, found '${text}'`);
  }
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
