import { isJsonObject, type JsonObject } from "#api/object.ts";

/** How Secrets are found; Airflow's arguments of its KubernetesSecretsBackend. */
export interface KubernetesSecretsSettings {
  /** Of Secrets with a connection, its id; undefined: connections are not looked for. */
  readonly connectionsLabel: string | undefined;
  readonly variablesLabel: string | undefined;
  /** The key of a Secret's data that has the value. */
  readonly connectionsDataKey: string;
  readonly variablesDataKey: string;
  /** That of the cluster's connection when undefined. */
  readonly namespace: string | undefined;
}

const known = [
  "connections_label",
  "variables_label",
  "config_label",
  "connections_data_key",
  "variables_data_key",
  "config_data_key",
  "namespace",
];

/**
 * What `AIRFLOW__SECRETS__BACKEND` and `…_BACKEND_KWARGS` say; undefined without a backend.
 * @throws {Error} naming the variable, and never what is in it beyond names.
 */
export function secretsSettings(
  environment: Readonly<Record<string, string | undefined>>,
): KubernetesSecretsSettings | undefined {
  const backend = environment["AIRFLOW__SECRETS__BACKEND"] ?? "";
  if (backend === "") return undefined;
  if (!/(^|\.)KubernetesSecretsBackend$/.test(backend)) {
    throw new Error(`AIRFLOW__SECRETS__BACKEND must be KubernetesSecretsBackend, found ${backend}`);
  }
  const given = argumentsOf(environment["AIRFLOW__SECRETS__BACKEND_KWARGS"]);
  const unknown = Object.keys(given).find((it) => !known.includes(it));
  if (unknown !== undefined) {
    throw new Error(`AIRFLOW__SECRETS__BACKEND_KWARGS: unknown argument '${unknown}'`);
  }
  return {
    connectionsLabel: label(given, "connections_label", "airflow.apache.org/connection-id"),
    variablesLabel: label(given, "variables_label", "airflow.apache.org/variable-key"),
    connectionsDataKey: text(given, "connections_data_key") ?? "value",
    variablesDataKey: text(given, "variables_data_key") ?? "value",
    namespace: text(given, "namespace"),
  };
}

function argumentsOf(given: string | undefined): JsonObject {
  if (given === undefined || given === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(given);
  } catch {
    value = undefined;
  }
  if (isJsonObject(value)) return value;
  throw new Error("AIRFLOW__SECRETS__BACKEND_KWARGS must be an object in JSON");
}

/** Null turns the look-up off. */
function label(given: JsonObject, name: string, fallback: string): string | undefined {
  return given[name] === null ? undefined : (text(given, name) ?? fallback);
}

function text(given: JsonObject, name: string): string | undefined {
  const value = given[name];
  if (value == null) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`AIRFLOW__SECRETS__BACKEND_KWARGS: '${name}' must be a text`);
}
