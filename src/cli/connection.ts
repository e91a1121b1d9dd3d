import { existsSync } from "node:fs";
import type { Clock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { readKubeconfig, type Connection } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import type { Io } from "./io.ts";

/** Options that every verb takes. */
export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

export interface Cluster extends AsyncDisposable {
  readonly client: Client;
  readonly connection: Connection;
  /** That of `-n`, or of the context. */
  readonly namespace: string;
}

/** What a verb works with. */
export interface Session {
  readonly cluster: Cluster;
  readonly io: Io;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
}

/**
 * Opens the cluster that the options name, else the first of `candidates` that exists.
 * @throws {Error} that says how to get one, when there is none.
 */
export async function openCluster(
  options: ClusterOptions,
  candidates: readonly string[],
  clock: Clock,
): Promise<Cluster> {
  const path = options.kubeconfig ?? candidates.find((it) => existsSync(it));
  if (path === undefined) {
    throw new Error(
      "no cluster: start one with 'gantry up', or name a kubeconfig with --kubeconfig",
    );
  }
  const connection = await readKubeconfig(path, clock, options.context);
  const transport = new TlsTransport({ ...connection, userAgent: "gantry", clock });
  return {
    client: new Client(transport),
    connection,
    namespace: options.namespace ?? connection.namespace,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
