import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Client } from "#client/client.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import { KubernetesSecrets } from "#workflows/secrets/kubernetes-secrets.ts";
import type { SecretsBackend } from "#workflows/secrets/secrets.ts";
import { secretsSettings } from "#workflows/secrets/settings.ts";
import { clusterConnection, type ExecutorOptions } from "./executors.ts";

/** The backend that the environment names; undefined without one. It is closed with `resources`. */
export async function openSecrets(
  options: ExecutorOptions,
  ports: { readonly clock: Clock; readonly log: Logger },
  resources: AsyncDisposableStack,
): Promise<SecretsBackend | undefined> {
  const settings = secretsSettings(process.env);
  if (settings === undefined) return undefined;
  const connection = await clusterConnection(options, ports.clock);
  const userAgent = "gantry-scheduler";
  const transport = resources.use(
    new TlsTransport({ ...connection, userAgent, clock: ports.clock }),
  );
  const namespace = settings.namespace ?? connection.namespace;
  return new KubernetesSecrets(
    { ...settings, namespace },
    { ...ports, client: new Client(transport) },
  );
}
