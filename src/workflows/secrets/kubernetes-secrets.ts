import type { Secret } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import { secrets } from "#client/kinds.ts";
import { parseConnection, type Connection } from "#dag/connection/connection.ts";
import type { KubernetesSecretsSettings } from "./settings.ts";
import type { SecretsBackend } from "./secrets.ts";

const askMs = 10_000;

/** Connections and variables in Secrets of Kubernetes that carry a label with their name. */
export class KubernetesSecrets implements SecretsBackend {
  readonly #settings: KubernetesSecretsSettings & { readonly namespace: string };
  readonly #ports: { readonly client: Client; readonly clock: Clock; readonly log: Logger };

  constructor(
    settings: KubernetesSecretsSettings & { readonly namespace: string },
    ports: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
  ) {
    this.#settings = settings;
    this.#ports = ports;
  }

  async connection(id: string): Promise<Connection | undefined> {
    const { connectionsLabel, connectionsDataKey } = this.#settings;
    const text = await this.#find(connectionsLabel, id, connectionsDataKey);
    return text === undefined ? undefined : parseConnection(id, text.trim());
  }

  async variable(key: string): Promise<string | undefined> {
    const { variablesLabel, variablesDataKey } = this.#settings;
    return await this.#find(variablesLabel, key, variablesDataKey);
  }

  /** As Airflow: when the cluster cannot be asked, the next place is. */
  async #find(
    label: string | undefined,
    name: string,
    dataKey: string,
  ): Promise<string | undefined> {
    if (label === undefined || !isLabelValue(name)) return undefined;
    const { client, log } = this.#ports;
    const { namespace } = this.#settings;
    const labelSelector = `${label}=${name}`;
    let found: readonly Secret[];
    try {
      const signal = AbortSignal.timeout(askMs);
      found = (await client.list(secrets, { namespace, labelSelector }, signal)).items;
    } catch (error) {
      log.error("the Secrets cannot be looked at", { namespace, error: error as Error });
      return undefined;
    }
    const [first] = found;
    if (found.length > 1) {
      const names = found.map((it) => it.metadata?.name ?? "").join(" ");
      log.info("more than one Secret has the label; the first counts", { labelSelector, names });
    }
    const data = first?.data?.[dataKey];
    if (first !== undefined && data === undefined) {
      const secret = first.metadata?.name ?? "";
      log.info("a Secret has the label, but not the key", { secret, key: dataKey });
    }
    return data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8");
  }
}

function isLabelValue(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text);
}
