import type { Connection } from "#dag/connection/connection.ts";
import { environmentConnection, environmentVariable } from "#dag/connection/environment.ts";
import type { Database } from "#sql/database.ts";
import type { SecretsBackend } from "#workflows/secrets/secrets.ts";
import { findConnection } from "#workflows/state/connections.ts";
import { findVariable } from "#workflows/state/variables.ts";
import type { VariableAnswer } from "#workflows/worker/protocol.ts";
import type { Vault } from "#workflows/state/vault.ts";

/** Where connections and variables are, in Airflow's order: secrets, environment, database. */
export interface LookUpPorts {
  readonly secrets?: SecretsBackend | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly database: Database;
  readonly vault: Vault;
}

/** Undefined when no place has it. */
export async function lookUpConnection(
  { secrets, environment, database, vault }: LookUpPorts,
  id: string,
): Promise<Connection | undefined> {
  return (
    (await secrets?.connection(id)) ??
    environmentConnection(environment, id) ??
    (await findConnection(database, vault, id))
  );
}

/** Null when no place has it; a text alone is a secret only by its name. */
export async function lookUpVariable(
  { secrets, environment, database, vault }: LookUpPorts,
  key: string,
): Promise<VariableAnswer> {
  const secret = await secrets?.variable(key);
  if (secret !== undefined) return { secret };
  return (
    environmentVariable(environment, key) ?? (await findVariable(database, vault, key)) ?? null
  );
}
