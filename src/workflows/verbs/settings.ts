import { formatConnection, parseConnection } from "#dag/connection/connection.ts";
import { isConnectionTested } from "#workflows/configuration.ts";
import { testConnection } from "#workflows/operators/test-connection.ts";
import { lookUpConnection } from "#workflows/scheduler/look-up.ts";
import {
  addConnection,
  deleteConnection,
  findConnection,
  listConnections,
} from "#workflows/state/connections.ts";
import { defaultPool, deletePool, listPools, savePool, usedSlots } from "#workflows/state/pools.ts";
import {
  deleteVariable,
  findVariable,
  listVariables,
  saveVariable,
} from "#workflows/state/variables.ts";
import { maskSecrets } from "#workflows/api/shapes/secrets.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import type { VerbSession } from "./session.ts";

/** Values only when they are asked for; what is a secret by its name is masked. */
export async function variablesList(
  session: VerbSession,
  { output, showValues = false }: Form & { readonly showValues?: boolean },
): Promise<void> {
  const variables = await listVariables(session.database, session.vault);
  const rows = variables.map((it) => ({
    key: it.name,
    ...(showValues ? { value: maskSecrets(it.name, it.value) } : {}),
    description: it.description ?? null,
  }));
  session.out(formatRows(rows, output));
}

export async function variablesGet(
  session: VerbSession,
  name: string,
  given: { readonly default?: string; readonly json?: boolean } = {},
): Promise<void> {
  const value = (await findVariable(session.database, session.vault, name)) ?? given.default;
  if (value === undefined) throw new Error(`variable ${name} does not exist`);
  session.out(`${given.json === true ? JSON.stringify(asJson(name, value)) : value}\n`);
}

/** @throws {Error} when a text is no JSON. */
function asJson(name: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw new Error(`variable ${name}: expected JSON`, { cause });
  }
}

export async function variablesSet(
  session: VerbSession,
  variable: {
    readonly name: string;
    readonly value: string;
    readonly description: string | undefined;
  },
): Promise<void> {
  await saveVariable(session.database, session.vault, variable);
  session.out(`Variable ${variable.name} created\n`);
}

export async function variablesDelete(session: VerbSession, name: string): Promise<void> {
  if (!(await deleteVariable(session.database, name))) {
    throw new Error(`variable ${name} does not exist`);
  }
  session.out(`Variable ${name} deleted\n`);
}

/** Passwords are not shown in lists. */
export async function connectionsList(session: VerbSession, { output }: Form): Promise<void> {
  const connections = await listConnections(session.database, session.vault);
  const rows = connections.map((it) => ({
    conn_id: it.id,
    conn_type: it.type,
    host: it.host ?? null,
    schema: it.schema ?? null,
    login: it.login ?? null,
    port: it.port ?? null,
    description: it.description ?? null,
  }));
  session.out(formatRows(rows, output));
}

export async function connectionsGet(session: VerbSession, id: string): Promise<void> {
  const connection = await findConnection(session.database, session.vault, id);
  if (connection === undefined) throw new Error(`connection ${id} does not exist`);
  session.out(`${formatConnection(connection)}\n`);
}

export async function connectionsAdd(
  session: VerbSession,
  id: string,
  given: { readonly text: string; readonly description: string | undefined },
): Promise<void> {
  const connection = { ...parseConnection(id, given.text), description: given.description };
  if (!(await addConnection(session.database, session.vault, connection))) {
    throw new Error(`there is a connection ${id} already: gantry connections delete ${id}`);
  }
  session.out(`Successfully added \`conn_id\`=${id}\n`);
}

/** Says whether a connection works; the environment's come before those of the database. */
export async function connectionsTest(
  session: VerbSession,
  id: string,
  ports: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
  },
  signal: AbortSignal,
): Promise<boolean> {
  const { database, vault } = session;
  if (!isConnectionTested(ports.environment)) {
    throw new Error(
      "testing connections is off, as is Airflow's default: AIRFLOW__CORE__TEST_CONNECTION=Enabled",
    );
  }
  const found = await lookUpConnection({ ...ports, database, vault }, id);
  if (found === undefined) throw new Error(`connection ${id} does not exist`);
  const { works, message } = await testConnection(found, ports.fetch, signal);
  session.out(works ? "Connection success!\n" : `Connection failed!\n${message}\n`);
  return works;
}

export async function connectionsDelete(session: VerbSession, id: string): Promise<void> {
  if (!(await deleteConnection(session.database, id))) {
    throw new Error(`connection ${id} does not exist`);
  }
  session.out(`Successfully deleted connection with \`conn_id\`=${id}\n`);
}

export async function poolsList(session: VerbSession, { output }: Form): Promise<void> {
  const used = await usedSlots(session.database);
  const rows = (await listPools(session.database)).map((it) => ({
    pool: it.name,
    slots: it.slots,
    used_slots: used.get(it.name) ?? 0,
    description: it.description ?? null,
  }));
  session.out(formatRows(rows, output));
}

export async function poolsGet(
  session: VerbSession,
  name: string,
  { output }: Form,
): Promise<void> {
  const pool = (await listPools(session.database)).find((it) => it.name === name);
  if (pool === undefined) throw new Error(`pool ${name} does not exist`);
  const { slots, description } = pool;
  session.out(formatRows([{ pool: name, slots, description: description ?? null }], output));
}

export async function poolsSet(
  session: VerbSession,
  pool: { readonly name: string; readonly slots: number; readonly description: string },
): Promise<void> {
  await savePool(session.database, pool);
  await session.database.notify();
  session.out(`Pool ${pool.name} created\n`);
}

export async function poolsDelete(session: VerbSession, name: string): Promise<void> {
  if (name === defaultPool) throw new Error("the default pool cannot be deleted");
  if (!(await deletePool(session.database, name))) throw new Error(`pool ${name} does not exist`);
  session.out(`Pool ${name} deleted\n`);
}
