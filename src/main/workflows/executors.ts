import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { hostname } from "node:os";
import type { Clock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { inClusterConnection, readKubeconfig, type Connection } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import type { Database } from "#sql/database.ts";
import { DatabaseBroker } from "#workflows/broker/database-broker.ts";
import type { ExecutorPorts } from "#workflows/executor/open.ts";
import type { ExecutorChoice } from "#workflows/executor/names.ts";
import { anyAddress, machineAddress } from "#main/network/network-plan.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { openNamedBroker, type BrokerOptions } from "./broker.ts";

/** What the command line says about executors whose workers are elsewhere. */
export interface ExecutorOptions extends BrokerOptions {
  readonly dataDir: string;
  readonly parallelism: number;
  /** `host:port` on which workers elsewhere are awaited. */
  readonly workerAddress: string;
  /** How they reach it; made of the machine's address when undefined. */
  readonly workerUrl?: string;
  /** Files; both or none. */
  readonly workerTlsCert?: string;
  readonly workerTlsKey?: string;
  /** A file: who has signed the certificate. The certificate itself when undefined. */
  readonly workerTlsCa?: string;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  readonly namespace?: string;
  readonly multiNamespaceMode: boolean;
  readonly workerImage: string;
  readonly podTemplateFile?: string;
  readonly deleteWorkerPods: boolean;
  readonly deleteWorkerPodsOnFailure: boolean;
  readonly workerPodsCreationBatchSize: number;
  readonly workerPodsPendingTimeout: number;
  /** Seconds in a queue of the Celery executor. */
  readonly taskQueuedTimeout: number;
}

type RemotePorts = Pick<ExecutorPorts, "workers" | "kubernetes" | "celery">;

/** Opens what the chosen executors need; it is closed with `resources`. */
export async function executorPorts(
  choice: ExecutorChoice,
  options: ExecutorOptions,
  ports: { readonly database: Database; readonly clock: Clock },
  resources: AsyncDisposableStack,
): Promise<RemotePorts> {
  const kinds = [...choice.kinds.values()];
  const [pods, queues] = [kinds.includes("KubernetesExecutor"), kinds.includes("CeleryExecutor")];
  if (!pods && !queues) return { workers: undefined, kubernetes: undefined, celery: undefined };
  const workers = await openWorkerServer(options, resources);
  const { url: workerUrl, certificateAuthority } = workers;
  const access = { workerUrl, certificateAuthority };
  const { clock } = ports;
  return {
    workers: { server: workers.server, address: { url: workerUrl, certificateAuthority } },
    kubernetes: pods ? await kubernetesPorts(options, access, clock, resources) : undefined,
    celery: queues ? await celeryPorts(options, ports, resources) : undefined,
  };
}

async function celeryPorts(
  options: ExecutorOptions,
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  resources: AsyncDisposableStack,
): Promise<NonNullable<RemotePorts["celery"]>> {
  const { parallelism, taskQueuedTimeout } = options;
  const named = await openNamedBroker(options, `scheduler ${hostname()}:${process.pid}`);
  const broker = resources.use(named ?? new DatabaseBroker(database, clock));
  return { broker, settings: { parallelism, queuedTimeoutMs: taskQueuedTimeout * 1_000 } };
}

async function kubernetesPorts(
  options: ExecutorOptions,
  access: { readonly workerUrl: string; readonly certificateAuthority: string | undefined },
  clock: Clock,
  resources: AsyncDisposableStack,
): Promise<NonNullable<RemotePorts["kubernetes"]>> {
  const connection = await clusterConnection(options, clock);
  const transport = resources.use(
    new TlsTransport({ ...connection, userAgent: "gantry-scheduler", clock }),
  );
  const settings = {
    ...access,
    namespace: options.namespace ?? connection.namespace,
    multiNamespaceMode: options.multiNamespaceMode,
    image: options.workerImage,
    podTemplateFile: options.podTemplateFile,
    deleteWorkerPods: options.deleteWorkerPods,
    deleteWorkerPodsOnFailure: options.deleteWorkerPodsOnFailure,
    creationBatchSize: options.workerPodsCreationBatchSize,
    parallelism: options.parallelism,
    pendingTimeoutMs: options.workerPodsPendingTimeout * 1_000,
  };
  return { client: new Client(transport), settings };
}

async function openWorkerServer(
  options: ExecutorOptions,
  resources: AsyncDisposableStack,
): Promise<{
  readonly server: Server;
  readonly url: string;
  readonly certificateAuthority: string | undefined;
}> {
  const { workerTlsCert: cert, workerTlsKey: key, workerTlsCa: ca = cert } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error("--worker-tls-cert and --worker-tls-key come together; one is missing");
  }
  const refuse = (_: unknown, answer: { writeHead(code: number): { end(): void } }): void => {
    answer.writeHead(404).end();
  };
  const server =
    cert === undefined || key === undefined
      ? createServer(refuse)
      : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, refuse);
  const at = URL.parse(`tcp://${options.workerAddress}`);
  if (at === null || at.port === "") {
    throw new Error(
      `--worker-address ${options.workerAddress}: expected an address like 0.0.0.0:8794`,
    );
  }
  const host = at.hostname.replace(/^\[|\]$/g, "");
  server.listen(Number(at.port), host);
  await once(server, "listening");
  resources.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const own = server.address();
  const port = typeof own === "object" && own !== null ? own.port : Number(at.port);
  const protocol = cert === undefined ? "http" : "https";
  const reachable = anyAddress.includes(host) ? machineAddress() : at.hostname;
  return {
    server,
    url: options.workerUrl ?? `${protocol}://${reachable}:${port}`,
    certificateAuthority: ca === undefined ? undefined : readFileSync(ca, "utf8"),
  };
}

/** The kubeconfig that is named, this installation's own, or the cluster that this process runs in. */
export async function clusterConnection(
  options: Pick<ExecutorOptions, "kubeconfig" | "kubeContext" | "dataDir">,
  clock: Clock,
): Promise<Connection> {
  const { kubeconfig, kubeContext, dataDir } = options;
  if (kubeconfig !== undefined) return await readKubeconfig(kubeconfig, clock, kubeContext);
  const host = process.env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && host !== "") {
    const port = process.env["KUBERNETES_SERVICE_PORT"] ?? "443";
    return await inClusterConnection({ host, port }, clock);
  }
  const own = pathsBelow(dataDir, runDirectoryOf(dataDir)).kubeconfig;
  if (existsSync(own)) return await readKubeconfig(own, clock, kubeContext);
  throw new Error(
    "a cluster is needed: start one with 'gantry up', or name a kubeconfig with --kubeconfig",
  );
}
