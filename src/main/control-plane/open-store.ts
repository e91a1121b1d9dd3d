import { readFile } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { EtcdStore, type EtcdOptions } from "#store/etcd/store.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import type { Store } from "#store/store.ts";

/** The embedded store refuses to grow beyond this; etcd suggests the same. */
const quotaBytes = 8 * 1024 ** 3;

export interface StoreOptions {
  /**
   * Undefined for the embedded store, or `etcd://host:2379[,host:2379…]`, `etcds://…` for TLS, with
   * the files as query: `?ca=FILE&cert=FILE&key=FILE`.
   */
  readonly url: string | undefined;
  /** Of the embedded store. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws {Error} for an address that is none, {@link StoreUnavailableError} when etcd is away. */
export async function openStore(options: StoreOptions, signal: AbortSignal): Promise<Store> {
  const { url, directory, clock, log } = options;
  if (url === undefined) return await LmdbStore.open({ directory, clock, quotaBytes });
  const { endpoints, files } = parseStoreUrl(url);
  const tls = await readTls(files);
  function onError(error: unknown): void {
    log.error("etcd watch broke and is made again", { error: error as Error });
  }
  return await EtcdStore.open({ endpoints, ...(tls && { tls }), clock, onError }, signal);
}

interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** @throws {Error} saying what an address looks like. */
export function parseStoreUrl(url: string): {
  readonly endpoints: readonly string[];
  readonly files: TlsFiles;
} {
  const [, scheme, hosts = "", query = ""] =
    /^(etcds?):\/\/([^/?]+)\/?(?:\?(.*))?$/.exec(url) ?? [];
  if (scheme === undefined) {
    throw new Error(`--store: '${url}' is no address; expected etcd://host:2379[,host:2379…]`);
  }
  const parameters = new URLSearchParams(query);
  const protocol = scheme === "etcds" ? "https" : "http";
  const files = {
    ca: parameters.get("ca") ?? undefined,
    cert: parameters.get("cert") ?? undefined,
    key: parameters.get("key") ?? undefined,
  };
  if (protocol === "https" && files.ca === undefined) {
    throw new Error("--store: etcds:// needs the certificate of its authority: ?ca=FILE");
  }
  return { endpoints: hosts.split(",").map((it) => `${protocol}://${it}`), files };
}

async function readTls(files: TlsFiles): Promise<EtcdOptions["tls"]> {
  if (files.ca === undefined) return undefined;
  const ca = await readFile(files.ca, "utf8");
  if (files.cert === undefined || files.key === undefined) return { ca };
  const certificate = await readFile(files.cert, "utf8");
  return { ca, certificate, key: await readFile(files.key, "utf8") };
}
