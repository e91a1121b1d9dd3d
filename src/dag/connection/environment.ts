import { parseConnection, type Connection } from "./connection.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const connectionPrefix = "AIRFLOW_CONN_";
const variablePrefix = "AIRFLOW_VAR_";

/**
 * The connection that the environment defines as `AIRFLOW_CONN_<ID>`, in capitals; undefined when it
 * does not. @throws {Error} when the text is no connection.
 */
export function environmentConnection(
  environment: Environment,
  id: string,
): Connection | undefined {
  const text = environment[`${connectionPrefix}${id.toUpperCase()}`];
  return text === undefined || text === "" ? undefined : parseConnection(id, text);
}

/** The variable that the environment defines as `AIRFLOW_VAR_<KEY>`; undefined when it does not. */
export function environmentVariable(environment: Environment, key: string): string | undefined {
  return environment[`${variablePrefix}${key.toUpperCase()}`];
}
