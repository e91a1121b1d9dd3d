import { credentials, Client, type ChannelCredentials } from "@grpc/grpc-js";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import {
  CompactedError,
  type Entry,
  type LeaseId,
  type RangeRequest,
  type RangeResult,
  type Revision,
  type Store,
  type StoreEvent,
  type WatchBatch,
  type Write,
  type WriteResult,
} from "#store/store.ts";
import { WatchHub, type KeyRange } from "#store/watch-hub.ts";
import { duplex, storeError, unary } from "./call.ts";
import { entryOf, follow, keyBytes } from "./follow.ts";
import { KV, Lease, Maintenance, type TxnResponse } from "./gen/etcd_pb.ts";

export interface EtcdOptions {
  /** `http://10.0.0.1:2379` or `https://…`; all of one kind. */
  readonly endpoints: readonly string[];
  /** PEM; for https. Without a key the client has no certificate. */
  readonly tls?: {
    readonly ca: string;
    readonly certificate?: string;
    readonly key?: string;
  };
  readonly clock: Clock;
  /** Hears of a watch that broke and is made again. */
  readonly onError: (error: unknown) => void;
}

const heldMax = 10_000;
/** Entries asked of etcd at once: a page of large objects stays within a few megabytes. */
const pageSize = 1_000;
/** How long etcd may take for a call; longer means that it is not there. */
const callTimeoutMs = 10_000;
const tickMs = 5_000;
/** All keys: one watch then carries every revision, so that progress needs no messages of its own. */
const everything: KeyRange = { start: "\u0000", end: "\u0000" };

/**
 * A store on etcd v3, for several control-plane hosts. One stream follows all of etcd's changes and
 * feeds the watches of this process; a write is acknowledged once that stream has shown it.
 */
export class EtcdStore implements Store {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #hub: WatchHub;
  readonly #tasks: TaskGroup;
  readonly #onError: (error: unknown) => void;
  /** Writes that wait for their revision to come by on the stream. */
  #waiting: { readonly revision: Revision; readonly resolve: () => void }[] = [];

  private constructor(client: Client, revision: Revision, options: EtcdOptions) {
    this.#client = client;
    this.#clock = options.clock;
    this.#onError = options.onError;
    this.#tasks = new TaskGroup(options.onError);
    this.#hub = new WatchHub({
      revision,
      compacted: 0,
      heldMax,
      readHistory: async (from, to) => await this.#readHistory(from, to),
    });
    this.#tasks.start(async (signal) => {
      await this.#followForever(signal);
    });
    this.#tasks.start(async (signal) => {
      while (!signal.aborted) {
        await this.#clock.sleep(tickMs, signal);
        this.#hub.requestProgress();
      }
    });
  }

  /** Resolves when etcd has answered. @throws {StoreUnavailableError} when it does not. */
  static async open(options: EtcdOptions, signal: AbortSignal): Promise<EtcdStore> {
    const client = connect(options);
    try {
      const revision = await currentRevision(client, options.clock, signal);
      return new EtcdStore(client, revision, options);
    } catch (error) {
      client.close();
      throw storeError(error, `connect to ${options.endpoints.join(", ")}`);
    }
  }

  async currentRevision(signal: AbortSignal): Promise<Revision> {
    try {
      return await currentRevision(this.#client, this.#clock, signal);
    } catch (error) {
      throw storeError(error, "read the revision");
    }
  }

  async get(key: string, signal: AbortSignal, revision?: Revision): Promise<Entry | undefined> {
    // The last byte of the end is one above the key's: the range holds the key alone.
    const { entries } = await this.range(
      { start: key, end: `${key}\u0000`, limit: 1, revision },
      signal,
    );
    return entries[0];
  }

  async range(request: RangeRequest, signal: AbortSignal): Promise<RangeResult> {
    const entries: Entry[] = [];
    let start = request.start;
    let revision = request.revision ?? 0;
    let count = 0;
    for (;;) {
      const left =
        request.limit === 0 ? pageSize : Math.min(pageSize, request.limit - entries.length);
      const page = await this.#page({ start, end: request.end }, left, revision, signal);
      entries.push(...page.kvs.map(entryOf));
      if (revision === 0 || count === 0) count = Number(page.count);
      const latest = Number(page.header?.revision ?? 0n);
      const enough = request.limit !== 0 && entries.length >= request.limit;
      const last = entries.at(-1);
      if (!page.more || enough || last === undefined) return { entries, count, revision: latest };
      // The following pages show the same moment as the first.
      revision = revision === 0 ? latest : revision;
      start = `${last.key}\u0000`;
    }
  }

  async write(write: Write, signal: AbortSignal): Promise<WriteResult> {
    // etcd would call the deletion of nothing a success.
    if (write.kind === "delete" && write.ifModRevision === 0) {
      return { kind: "conflict", current: await this.get(write.key, signal) };
    }
    const response = await this.#call(
      `write ${write.key}`,
      async () => await unary(this.#client, KV.method.txn, txnOf(write), this.#limits(signal)),
    );
    if (!response.succeeded) return { kind: "conflict", current: foundBy(response) };
    const revision = Number(response.header?.revision ?? 0n);
    await this.#seen(revision, signal);
    return { kind: "ok", revision, previous: replacedBy(response) };
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#hub.watch(range, after, signal);
  }

  requestProgress(): void {
    this.#hub.requestProgress();
  }

  async compact(revision: Revision, signal: AbortSignal): Promise<void> {
    try {
      const input = { revision: BigInt(revision) };
      await unary(this.#client, KV.method.compact, input, this.#limits(signal));
    } catch (error) {
      const known = storeError(error, "compact", revision);
      // Another host was faster.
      if (!(known instanceof CompactedError)) throw known;
    }
    this.#hub.compact(Math.min(revision, this.#hub.revision));
  }

  async grantLease(ttlSeconds: number, signal: AbortSignal): Promise<LeaseId> {
    const granted = await this.#call(
      "grant a lease",
      async () =>
        await unary(
          this.#client,
          Lease.method.leaseGrant,
          { TTL: BigInt(ttlSeconds) },
          this.#limits(signal),
        ),
    );
    return granted.ID.toString();
  }

  async renewLease(id: LeaseId, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const stream = duplex(this.#client, Lease.method.leaseKeepAlive);
    stream.on("error", () => undefined); // Iterating rejects with it.
    stream.write({ $typeName: "etcdserverpb.LeaseKeepAliveRequest", ID: BigInt(id) });
    try {
      for await (const response of stream as AsyncIterable<{ readonly TTL: bigint }>) {
        return response.TTL > 0n;
      }
      return false;
    } catch (error) {
      throw storeError(error, "renew a lease");
    } finally {
      stream.cancel();
    }
  }

  async revokeLease(id: LeaseId, signal: AbortSignal): Promise<void> {
    await this.#call(
      "revoke a lease",
      async () =>
        await unary(
          this.#client,
          Lease.method.leaseRevoke,
          { ID: BigInt(id) },
          this.#limits(signal),
        ),
    );
    await this.#seen(await this.currentRevision(signal), signal);
  }

  async sizeBytes(signal: AbortSignal): Promise<number> {
    const status = await this.#call(
      "read the status",
      async () => await unary(this.#client, Maintenance.method.status, {}, this.#limits(signal)),
    );
    return Number(status.dbSize);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#client.close();
  }

  #limits(signal: AbortSignal): { readonly deadlineMs: number; readonly signal: AbortSignal } {
    return { deadlineMs: this.#clock.now() + callTimeoutMs, signal };
  }

  async #call<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw storeError(error, doing);
    }
  }

  async #page(range: KeyRange, limit: number, revision: Revision, signal: AbortSignal) {
    try {
      const input = {
        key: keyBytes(range.start),
        rangeEnd: keyBytes(range.end),
        limit: BigInt(limit),
        revision: BigInt(revision),
      };
      return await unary(this.#client, KV.method.range, input, this.#limits(signal));
    } catch (error) {
      throw storeError(error, `read ${range.start}`, revision);
    }
  }

  /** Resolves when every watch of this process could see `revision`. */
  async #seen(revision: Revision, signal: AbortSignal): Promise<void> {
    if (this.#hub.revision >= revision) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    function wake(): void {
      resolve(undefined);
    }
    this.#waiting.push({ revision, resolve: wake });
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
  }

  #wakeWaiting(): void {
    const done = this.#waiting.filter((it) => it.revision <= this.#hub.revision);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((it) => it.revision > this.#hub.revision);
    for (const it of done) it.resolve();
  }

  async #followForever(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff<string>({ initialMs: 50, maxMs: 5_000 });
    while (!signal.aborted) {
      try {
        for await (const events of follow(
          this.#client,
          everything,
          this.#hub.revision + 1,
          signal,
        )) {
          backoff.succeed("watch");
          this.#hub.publish(...events);
          this.#wakeWaiting();
        }
      } catch (error) {
        // Away for too long: those who watch must list again, and the stream goes on from there.
        if (error instanceof CompactedError) this.#hub.compact(error.compactRevision);
        this.#onError(error);
      }
      await this.#clock.sleep(backoff.fail("watch"), signal);
    }
  }

  async #readHistory(from: Revision, to: Revision): Promise<readonly StoreEvent[]> {
    const stop = new AbortController();
    const found: StoreEvent[] = [];
    for await (const events of follow(this.#client, everything, from, stop.signal)) {
      found.push(...events);
      const last = found.at(-1);
      const reached = last?.kind === "put" ? last.entry.modRevision : (last?.revision ?? 0);
      if (reached >= to || found.length >= pageSize) break;
    }
    stop.abort();
    return found;
  }
}

function connect(options: EtcdOptions): Client {
  const urls = options.endpoints.map((it) => new URL(it));
  const hosts = urls.map((it) => it.host);
  // grpc-js takes a list of addresses in one target only as IP addresses.
  const target = hosts.length > 1 ? `ipv4:${hosts.join(",")}` : (hosts[0] ?? "");
  return new Client(target, credentialsOf(urls, options), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
  });
}

function credentialsOf(urls: readonly URL[], options: EtcdOptions): ChannelCredentials {
  if (urls.every((it) => it.protocol === "http:")) return credentials.createInsecure();
  const { tls } = options;
  if (tls === undefined) throw new Error("etcd over https needs the certificate of its authority");
  const key = tls.key === undefined ? null : Buffer.from(tls.key);
  const certificate = tls.certificate === undefined ? null : Buffer.from(tls.certificate);
  return credentials.createSsl(Buffer.from(tls.ca), key, certificate);
}

async function currentRevision(
  client: Client,
  clock: Clock,
  signal: AbortSignal,
): Promise<Revision> {
  const input = { key: keyBytes("/"), countOnly: true };
  const limits = { deadlineMs: clock.now() + callTimeoutMs, signal };
  const response = await unary(client, KV.method.range, input, limits);
  return Number(response.header?.revision ?? 0n);
}

/** Compare the key's mod_revision, then write; on failure read what is there. */
function txnOf(write: Write) {
  const key = keyBytes(write.key);
  return {
    compare: [{ result: 0, target: 2, key, modRevision: BigInt(write.ifModRevision) }],
    success: [{ request: requestOf(write, key) }],
    failure: [{ request: { case: "requestRange", value: { key } } as const }],
  };
}

function requestOf(write: Write, key: Uint8Array) {
  if (write.kind === "delete") {
    return { case: "requestDeleteRange", value: { key, prevKv: true } } as const;
  }
  const lease = BigInt(write.lease ?? 0);
  return { case: "requestPut", value: { key, value: write.value, lease, prevKv: true } } as const;
}

function foundBy(response: TxnResponse): Entry | undefined {
  const first = response.responses[0]?.response;
  const kv = first?.case === "responseRange" ? first.value.kvs[0] : undefined;
  return kv === undefined ? undefined : entryOf(kv);
}

function replacedBy(response: TxnResponse): Entry | undefined {
  const first = response.responses[0]?.response;
  const kv =
    first?.case === "responsePut"
      ? first.value.prevKv
      : first?.case === "responseDeleteRange"
        ? first.value.prevKvs[0]
        : undefined;
  return kv === undefined ? undefined : entryOf(kv);
}
