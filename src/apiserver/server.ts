import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Resource } from "#api/resource.ts";
import type { Strategy } from "#api/strategy.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Store } from "#store/store.ts";
import type {
  AdmissionRule,
  Authenticator,
  Authorizer,
  ObjectSink,
  ObjectSource,
} from "./contract.ts";
import type { ReviewHandler } from "./auth/review/handler.ts";
import { Auditor, type AuditorOptions } from "./audit/auditor.ts";
import type { ComputedKind } from "./computed.ts";
import { objectSource } from "./cache/object-source.ts";
import { openRegistryCache, type RegistryCache } from "./cache/registry-cache.ts";
import type { ConnectPort } from "./connect-port.ts";
import type { HealthCheck } from "./health.ts";
import type { ApiHandler, ApiRequest, ApiResponse, UpgradeHandler } from "./http/exchange.ts";
import { Pipeline } from "./pipeline.ts";
import { readObject } from "./registry/body.ts";
import { Expiry } from "./registry/expiry.ts";
import type { Conversion, Kind, RegistryPorts } from "./registry/kind.ts";
import { kindFinder, objectSink } from "./registry/object-sink.ts";
import { WatchTimers } from "./registry/watch-timers.ts";
import { ResourceEndpoint } from "./resource-endpoint.ts";
import { typeNamesOf } from "./type-names.ts";

/** Above this share of time, watches gather events for longer. */
const busyUtilization = 0.5;
const tickMs = 1_000;
/** How long lists of the past are served; the store's compaction keeps as much by default. */
const historyMs = 300_000;
const looksPerHistory = 5;

/** The parts that need the server's objects to decide on access to them. */
export interface AccessParts {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly admission: readonly AdmissionRule[];
  /** Create requests that are answered and not stored, by `<group>/<plural>[/<subresource>]`. */
  readonly reviews: ReadonlyMap<string, ReviewHandler>;
}

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Shown at `/metrics`; the server adds its own. */
  readonly metrics: MetricRegistry;
  readonly resources: readonly Resource[];
  /** Kinds that are made when they are asked for, by others. */
  readonly computed: readonly ComputedKind[];
  readonly types: TypeTable;
  readonly strategyOf: (resource: Resource) => Strategy;
  /** Undefined for resources that are stored in their own version. */
  readonly conversionOf: (resource: Resource) => Conversion | undefined;
  /** Called once, when the objects are loaded. */
  readonly access: (objects: ObjectSource, sink: ObjectSink) => AccessParts;
  /** Called once, when the objects are loaded: the way to nodes, pods and services. */
  readonly connect: (objects: ObjectSource) => ConnectPort;
  /** `host:port` at which clients reach the server. */
  readonly address: string;
  /** Our own version, for `/version`. */
  readonly build: string;
  /** Documents of the token issuer; see `auth/issuer-documents.ts`. */
  readonly issuer: { readonly configuration: object; readonly keys: object } | undefined;
  /** Which requests are recorded, and where; undefined: none are. */
  readonly audit: Pick<AuditorOptions, "policy" | "sink"> | undefined;
  /** What must be well besides the server itself. */
  readonly checks: readonly HealthCheck[];
  /** What must be well for the server to take requests; `/livez` does not look at it. */
  readonly readyChecks: readonly HealthCheck[];
}

/** The API server without its listener: give `handler` and `upgrade` to `openHttpFront`. */
export interface ApiServer extends AsyncDisposable {
  readonly handler: ApiHandler;
  readonly upgrade: UpgradeHandler;
  readonly objects: ObjectSource;
  readonly sink: ObjectSink;
  readonly cache: RegistryCache;
  /** `/readyz` fails until this was called: when bootstrap objects are in place. */
  markReady(): void;
}

/** Loads the objects and serves them. Dispose it before the store. */
export async function openApiServer(
  options: ApiServerOptions,
  signal: AbortSignal,
): Promise<ApiServer> {
  const { store, clock, log, resources } = options;
  const cache = await openRegistryCache({ store, clock, log, resources }, signal);
  return new Server(options, cache);
}

class Server implements ApiServer {
  readonly handler: ApiHandler;
  readonly upgrade: UpgradeHandler;
  readonly objects: ObjectSource;
  readonly sink: ObjectSink;
  readonly cache: RegistryCache;
  readonly #tasks: TaskGroup;
  readonly #stop = new AbortController();
  #isReady = false;

  constructor(options: ApiServerOptions, cache: RegistryCache) {
    const { clock, random, log } = options;
    this.cache = cache;
    this.objects = objectSource(cache, options.resources);
    this.#tasks = new TaskGroup((error) => {
      log.error("API server task failed", { error: error as Error });
    });
    const kinds = kindsOf(options, cache);
    const admission: AdmissionRule[] = [];
    const ports: RegistryPorts = {
      store: options.store,
      expiry: new Expiry(options.store, clock),
      cache,
      clock,
      random,
      types: options.types,
      admission,
      newUid: () => randomUUID(),
      stop: this.#stop.signal,
    };
    this.sink = objectSink(ports, kindFinder(kinds.byName));
    const access = options.access(this.objects, this.sink);
    // The sink exists before the rules do, because they may be given it.
    admission.push(...access.admission);
    const timers = new WatchTimers({ clock, random, cache });
    const names = typeNamesOf(options.resources, options.types);
    const body = { types: options.types, names };
    const endpointPorts = { registry: ports, body, timers };
    const endpoints = new Map(
      [...kinds.byVersion].map(([id, kind]) => [id, new ResourceEndpoint(kind, endpointPorts)]),
    );
    const ready = { name: "poststarthook", check: () => this.#readyFault() };
    const connect = options.connect(this.objects);
    const auditor = auditorOf(options, (bytes, type) => readObject(body, bytes, type));
    const parts = { ...options, ...access, connect, cache, endpoints, ready, auditor };
    const pipeline = new Pipeline(parts);
    this.handler = (request: ApiRequest): Promise<ApiResponse> => pipeline.handle(request);
    this.upgrade = (request: ApiRequest, socket: Duplex, head: Buffer): Promise<void> =>
      pipeline.upgrade(request, socket, head);
    this.#tasks.start((stop) => timers.run(stop));
    this.#tasks.start((stop) => this.#observeLoad(clock, stop));
    this.#tasks.start((stop) => this.#forgetRegularly(clock, stop));
  }

  markReady(): void {
    this.#isReady = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("server is shutting down"));
    await this.#tasks[Symbol.asyncDispose]();
    await this.cache[Symbol.asyncDispose]();
  }

  #readyFault(): string | undefined {
    return this.#isReady ? undefined : "bootstrap objects are not in place yet";
  }

  /** States and continue tokens live as long as the store keeps history, whatever still could be served. */
  async #forgetRegularly(clock: Clock, signal: AbortSignal): Promise<void> {
    const looks: number[] = [];
    while (!signal.aborted) {
      await clock.sleep(historyMs / looksPerHistory, signal);
      looks.push(this.cache.revision);
      const oldest = looks.length > looksPerHistory ? looks.shift() : undefined;
      if (oldest !== undefined) this.cache.forget(oldest);
    }
  }

  async #observeLoad(clock: Clock, signal: AbortSignal): Promise<void> {
    let before = performance.eventLoopUtilization();
    while (!signal.aborted) {
      await clock.sleep(tickMs, signal);
      const now = performance.eventLoopUtilization();
      this.cache.busy = performance.eventLoopUtilization(now, before).utilization > busyUtilization;
      before = now;
    }
  }
}

function auditorOf(
  { audit, clock, metrics }: ApiServerOptions,
  decode: AuditorOptions["decode"],
): Auditor | undefined {
  return audit && new Auditor({ ...audit, clock, metrics, decode });
}

interface Kinds {
  /** By `<group>/<version>/<plural>`. */
  readonly byVersion: ReadonlyMap<string, Kind>;
  /** By `<group>/<plural>`, in the preferred version, which is the first. */
  readonly byName: ReadonlyMap<string, Kind>;
}

function kindsOf(options: ApiServerOptions, cache: RegistryCache): Kinds {
  const byVersion = new Map<string, Kind>();
  const byName = new Map<string, Kind>();
  for (const resource of options.resources) {
    const kind = {
      resource,
      cache: cache.of(resource),
      strategy: options.strategyOf(resource),
      conversion: options.conversionOf(resource),
    };
    byVersion.set(`${resource.group}/${resource.version}/${resource.plural}`, kind);
    const name = `${resource.group}/${resource.plural}`;
    if (!byName.has(name)) byName.set(name, kind);
  }
  return { byVersion, byName };
}
