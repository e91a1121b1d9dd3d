import { builtinResources } from "#api/kinds/list.ts";
import { strategyOf } from "#api/rules/list.ts";
import { childList, childObject, isJsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { formatTime } from "#api/time.ts";
import { issuerDocument, keySetDocument } from "#apiserver/auth/issuer-documents.ts";
import { ensureBootstrapObjects } from "#apiserver/bootstrap/ensure.ts";
import type { BootstrapSettings } from "#apiserver/bootstrap/objects.ts";
import { createConnectPort } from "#apiserver/connect/create-connect-port.ts";
import { AuditLog } from "#apiserver/audit/log-file.ts";
import type { ObjectSource, UserInfo } from "#apiserver/contract.ts";
import { openHttpFront, type HttpFront } from "#apiserver/http/front.ts";
import { openApiServer, type ApiServer, type ApiServerOptions } from "#apiserver/server.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { measuredTransport } from "#client/measured-transport.ts";
import type { Authority } from "#pki/authority.ts";
import type { CertificatePair } from "#pki/files.ts";
import { keepRenewed } from "#pki/renewal.ts";
import { measuredStore } from "#store/measured-store.ts";
import type { Store } from "#store/store.ts";
import { accessParts } from "./access.ts";
import type { AuditSettings } from "./audit-options.ts";
import { openCertificates, type Certificates } from "./certificates.ts";
import { conversionOf } from "./conversions.ts";
import { MeasuredUsage } from "./metrics.ts";
import { inProcessTransport } from "./in-process-transport.ts";
import { dnsAddress, issuer, serviceAddress, serviceRange } from "#main/network/network-plan.ts";
import { version } from "#main/process/version.ts";

export interface ControlPlaneOptions {
  readonly store: Store;
  readonly pkiDirectory: string;
  /** Where to listen; port 0 for any. */
  readonly host: string;
  readonly port: number;
  /** The address at which nodes and pods reach this server; it listens there too. */
  readonly advertiseAddress: string;
  /** Undefined: no audit log is kept. */
  readonly audit?: AuditSettings | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A serving API server. Disposing it stops serving; the store is the caller's. */
export interface ControlPlane extends AsyncDisposable {
  readonly authority: Authority;
  readonly server: ApiServer;
  /** Shown at the server's `/metrics`, for every component of the control plane. */
  readonly metrics: MetricRegistry;
  /** Serves `metrics.k8s.io` once it runs. */
  readonly usage: MeasuredUsage;
  readonly port: number;
  /** A client within the process, in the name of `user`, whose requests count in `countIn`. */
  clientOf(user: UserInfo, agent: string, countIn?: MetricRegistry): Client;
  /** Resolves when the node reports that it is ready. Rejects with the signal's reason. */
  nodeReady(name: string, signal: AbortSignal): Promise<void>;
  /** Renews the server's certificate before it expires, until the signal aborts. */
  keepCertificate(signal: AbortSignal): Promise<void>;
}

/** Opens certificates, objects and the listener, in the order in which a client may see them. */
export async function openControlPlane(
  options: ControlPlaneOptions,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const { clock, log, advertiseAddress } = options;
  const certificates = await openCertificates(options);
  const { authority } = certificates;
  const usage = new MeasuredUsage();
  const metrics = new MetricRegistry();
  // What is opened last is closed first, also when a later step fails.
  await using opening = new AsyncDisposableStack();
  const audit = await openAudit(options, metrics, opening);
  const seen = { metrics, usage, audit };
  const server = opening.use(await openServer(options, certificates, seen, signal));
  const front = opening.use(await openFront(options, certificates, server));
  const settings = bootstrapSettings(authority, advertiseAddress, front.port, clock);
  await ensureBootstrapObjects(server.objects, server.sink, settings, signal);
  server.markReady();
  const opened = opening.move();
  return {
    authority,
    server,
    metrics,
    usage,
    port: front.port,
    clientOf: (user, agent, countIn = metrics) => {
      const transport = inProcessTransport(server.handler, user, agent);
      const host = `${advertiseAddress}:${front.port}`;
      return new Client(measuredTransport(transport, host, { metrics: countIn, clock }));
    },
    nodeReady: async (name, stop) => {
      await untilReady(server.objects, name, stop);
    },
    keepCertificate: async (stop) => {
      await keepServingRenewed(certificates, front, { clock, log }, stop);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The audit log that is asked for, onto the stack; undefined when none is. */
async function openAudit(
  { audit, clock, log }: ControlPlaneOptions,
  metrics: MetricRegistry,
  stack: AsyncDisposableStack,
): Promise<ApiServerOptions["audit"]> {
  if (audit === undefined) return undefined;
  const { policy, path, limits } = audit;
  return { policy, sink: stack.use(await AuditLog.open({ path, limits, clock, log, metrics })) };
}

async function openFront(
  options: ControlPlaneOptions,
  { authority, serving }: Certificates,
  { handler, upgrade }: ApiServer,
): Promise<HttpFront> {
  const { host, port, clock, log } = options;
  try {
    return await openHttpFront({
      tls: { key: serving.key, cert: serving.certificate, clientCa: authority.certificate },
      host,
      alsoOn: alsoOn(options),
      port,
      handler,
      upgrade,
      clock,
      log,
    });
  } catch (error) {
    throw listenError(error, options);
  }
}

/** The API server, over a store that is measured. */
async function openServer(
  options: ControlPlaneOptions,
  { authority, key, toKubelets }: Certificates,
  seen: {
    readonly metrics: MetricRegistry;
    readonly usage: MeasuredUsage;
    readonly audit: ApiServerOptions["audit"];
  },
  signal: AbortSignal,
): Promise<ApiServer> {
  const { clock, random, log, advertiseAddress } = options;
  const { metrics, usage, audit } = seen;
  const tokens = { key, issuer, audiences: [issuer] };
  const stored = measuredStore(options.store, { metrics, clock });
  return await openApiServer(
    {
      store: stored.store,
      clock,
      random,
      log,
      metrics,
      resources: builtinResources,
      computed: usage.kinds,
      types: builtinTypes,
      strategyOf,
      conversionOf,
      access: (objects, sink) =>
        accessParts({ objects, sink }, { tokens, authority, clock, random }),
      connect: (objects) => createConnectPort({ objects, tls: toKubelets, clock, random }),
      address: `${advertiseAddress}:${options.port}`,
      build: version,
      issuer: {
        configuration: issuerDocument(tokens, `${issuer}/openid/v1/jwks`),
        keys: keySetDocument(tokens),
      },
      audit,
      checks: [],
      readyChecks: [{ name: "etcd", check: stored.fault }],
    },
    signal,
  );
}

async function keepServingRenewed(
  { serving, loadServing }: Certificates,
  front: HttpFront,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const renewal = {
    load: loadServing,
    renewed: ({ certificate, key }: CertificatePair): void => {
      front.useCertificate({ cert: certificate, key });
      log.info("the server's certificate was renewed");
    },
    failed: (error: unknown): void => {
      log.error("the server's certificate was not renewed", { error: error as Error });
    },
  };
  await keepRenewed(serving, renewal, clock, signal);
}

function untilReady(objects: ObjectSource, name: string, signal: AbortSignal): Promise<void> {
  function isReady(): boolean {
    const status = childObject(objects.get("nodes", "", "", name), "status");
    return childList(status, "conditions").some(
      (it) => isJsonObject(it) && it["type"] === "Ready" && it["status"] === "True",
    );
  }
  return new Promise((resolve, reject) => {
    function look(): void {
      if (isReady()) resolve();
    }
    objects.onChange("nodes", "", look);
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
    look();
  });
}

/** The kubeconfig names loopback, the `kubernetes` Service the other: both have to be served. */
function alsoOn({
  host,
  advertiseAddress,
}: Pick<ControlPlaneOptions, "host" | "advertiseAddress">): string[] {
  if (host === "0.0.0.0" || host === "::") return [];
  return [...new Set(["127.0.0.1", advertiseAddress])].filter((it) => it !== host);
}

function bootstrapSettings(
  authority: Authority,
  address: string,
  port: number,
  clock: Clock,
): BootstrapSettings {
  return {
    addresses: [address],
    port,
    serviceAddress,
    serviceRange,
    dnsAddress,
    authority: authority.certificate,
    now: formatTime(clock.now()),
  };
}

function listenError(
  error: unknown,
  at: { readonly host: string; readonly port: number },
): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const place = `${at.host}:${at.port}`;
  if (code === "EADDRINUSE") {
    const message = `${place} is taken by another program; stop it, or choose another port with --port`;
    return new Error(message, { cause: error });
  }
  if (code === "EADDRNOTAVAIL") {
    return new Error(`${at.host} is not an address of this machine; choose one with --host`, {
      cause: error,
    });
  }
  return error;
}
