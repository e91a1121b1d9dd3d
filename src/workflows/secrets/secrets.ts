import type { Connection } from "#dag/connection/connection.ts";

/** Connections and variables that something else keeps; undefined: it has none of that name. */
export interface SecretsBackend {
  connection(id: string): Promise<Connection | undefined>;
  variable(key: string): Promise<string | undefined>;
}
