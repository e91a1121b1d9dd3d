import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { inClusterConnection, readKubeconfig, type Connection } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";

/** A cluster that a task works with. */
export interface TaskCluster extends AsyncDisposable {
  readonly client: Client;
  readonly connection: Connection;
  /** For pods that name none. */
  readonly namespace: string;
  /** Settings of the task's connection. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/**
 * Opens the cluster that a task's arguments name: its connection's, its kubeconfig's, the one that the
 * worker runs in, or that of KUBECONFIG or of this installation. @throws {Error} with the remedy.
 */
export async function openTaskCluster(call: OperatorCall): Promise<TaskCluster> {
  const { clock } = call;
  const id = textOf(call.input["kubernetesConnId"]);
  const extra = id === undefined ? {} : await settingsOf(call, id);
  const connection = await connectionOf(call, extra, clock);
  const transport = new TlsTransport({ ...connection, userAgent: "gantry-task", clock });
  return {
    client: new Client(transport),
    connection,
    namespace: setting(extra, "namespace") ?? connection.namespace,
    extra,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** Airflow writes names of settings with a prefix, too. */
function setting(extra: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return textOf(extra[name] ?? extra[`extra__kubernetes__${name}`]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

async function settingsOf(
  call: OperatorCall,
  id: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { extra } = await call.context.connections.get(id);
  const value: unknown = extra === undefined || extra === "" ? {} : JSON.parse(extra);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

async function connectionOf(
  call: OperatorCall,
  extra: Readonly<Record<string, unknown>>,
  clock: Clock,
): Promise<Connection> {
  const context = textOf(call.input["clusterContext"]) ?? setting(extra, "cluster_context");
  const file = textOf(call.input["configFile"]) ?? setting(extra, "kube_config_path");
  if (file !== undefined) return await readKubeconfig(file, clock, context);
  const inline = extra["kube_config"] ?? extra["extra__kubernetes__kube_config"];
  if (inline !== undefined) return await inlineConnection(inline, clock, context);
  return await surroundingConnection(call, extra["in_cluster"] === true, clock);
}

/** A cluster that the task does not name: what the worker's surroundings say. */
async function surroundingConnection(
  call: OperatorCall,
  mustBeInside: boolean,
  clock: Clock,
): Promise<Connection> {
  const { environment } = call;
  const context = textOf(call.input["clusterContext"]);
  const host = environment["KUBERNETES_SERVICE_HOST"];
  const asked = call.input["inCluster"] === true || mustBeInside;
  const named = environment["KUBECONFIG"];
  if (!asked && named !== undefined && named !== "") {
    return await readKubeconfig(named, clock, context);
  }
  if (host !== undefined && call.input["inCluster"] !== false) {
    const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443";
    return await inClusterConnection({ host, port }, clock);
  }
  const own = environment["GANTRY_KUBECONFIG"];
  if (!asked && own !== undefined && existsSync(own)) {
    return await readKubeconfig(own, clock, context);
  }
  throw new Error(
    "the task has no cluster: give it kubernetesConnId or configFile, set KUBECONFIG, or start one with 'gantry up'",
  );
}

/** A kubeconfig that a connection holds itself, as text or as an object. */
async function inlineConnection(
  config: unknown,
  clock: Clock,
  context: string | undefined,
): Promise<Connection> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-kubeconfig-"));
  try {
    const file = join(folder, "config");
    const text = typeof config === "string" ? config : JSON.stringify(config);
    await writeFile(file, text, { mode: 0o600 });
    return await readKubeconfig(file, clock, context);
  } finally {
    await rm(folder, { recursive: true });
  }
}
