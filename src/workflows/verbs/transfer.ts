import { readFileSync, writeFileSync } from "node:fs";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { formatYaml, parseYaml } from "#api/yaml.ts";
import { formatConnection, parseConnection } from "#dag/connection/connection.ts";
import {
  addConnection,
  deleteConnection,
  findConnection,
  listConnections,
} from "#workflows/state/connections.ts";
import { listPools, savePool } from "#workflows/state/pools.ts";
import { findVariable, listVariables, saveVariable } from "#workflows/state/variables.ts";
import type { VerbSession } from "./session.ts";

/** What happens to what is there already. */
export type Existing = "overwrite" | "fail" | "skip";

/** Only the owner reads what is exported: it is not encrypted. */
const fileMode = 0o600;

/** Airflow's file of variables: an object by name; JSON in a variable is JSON in the file. */
export async function variablesExport(session: VerbSession, file: string): Promise<void> {
  const all = await listVariables(session.database, session.vault);
  const entries: (readonly [string, Json])[] = [];
  for (const { name, description } of all) {
    const text = (await findVariable(session.database, session.vault, name)) ?? "";
    const value = jsonIn(text);
    entries.push([name, description === undefined ? value : { value, description }]);
  }
  const content = `${JSON.stringify(Object.fromEntries(entries), undefined, 4)}\n`;
  writeFileSync(file, content, { mode: fileMode });
  session.out(`${entries.length} variables successfully exported to ${file}.\n`);
}

/** @throws {Error} before anything is stored, when one is there and `existing` is `fail`. */
export async function variablesImport(
  session: VerbSession,
  file: string,
  existing: Existing,
): Promise<void> {
  const entries = Object.entries(readObject(file));
  let stored = 0;
  await session.database.transaction(async (queries) => {
    for (const [name, given] of entries) {
      const known = await findVariable(queries, session.vault, name);
      if (known !== undefined && existing === "skip") continue;
      if (known !== undefined && existing === "fail") {
        throw new Error(`there is a variable ${name} already; nothing is imported`);
      }
      await saveVariable(queries, session.vault, { name, ...variableOf(given ?? null) });
      stored += 1;
    }
  });
  session.out(`${stored} of ${entries.length} variables successfully updated.\n`);
}

function variableOf(given: Json): {
  readonly value: string;
  readonly description: string | undefined;
} {
  const described = isJsonObject(given) && "value" in given && "description" in given;
  const value = described ? (given["value"] ?? null) : given;
  const { description } = described ? given : {};
  return {
    value: typeof value === "string" ? value : JSON.stringify(value),
    description: typeof description === "string" ? description : undefined,
  };
}

/** The value that a text is as JSON, or the text. Texts that only look like numbers stay texts. */
function jsonIn(text: string): Json {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A file by its ending: `.json`, `.yaml` or `.yml`, or `.env` with lines `id=uri`. */
export async function connectionsExport(session: VerbSession, file: string): Promise<void> {
  const all = await listConnections(session.database, session.vault);
  const entries = all.map(({ id, type, ...rest }) => {
    const { description = null, host = null, login = null, password = null } = rest;
    const { schema = null, port = null, extra = null } = rest;
    const fields = { conn_type: type, description, login, password, host, port, schema, extra };
    return [id, fields] as const;
  });
  const object = Object.fromEntries(entries);
  const isEnvironment = file.endsWith(".env");
  const lines = all.map((it) => `${it.id}=${formatConnection(it)}\n`);
  const json = `${JSON.stringify(object, undefined, 2)}\n`;
  const content = isEnvironment ? lines.join("") : isYaml(file) ? formatYaml(object) : json;
  writeFileSync(file, content, { mode: fileMode });
  session.out(`Connections successfully exported to ${file}.\n`);
}

export async function connectionsImport(
  session: VerbSession,
  file: string,
  overwrite: boolean,
): Promise<void> {
  const given = file.endsWith(".env") ? environmentFile(file) : readObject(file);
  for (const [id, value] of Object.entries(given)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const connection = parseConnection(id, text);
    const known = await findConnection(session.database, session.vault, id);
    if (known !== undefined && !overwrite) {
      session.out(`Could not import connection ${id}: connection already exists.\n`);
      continue;
    }
    await deleteConnection(session.database, id);
    await addConnection(session.database, session.vault, connection);
    session.out(`Imported connection ${id}\n`);
  }
}

function environmentFile(file: string): JsonObject {
  const lines = readFileSync(file, "utf8").split("\n");
  const entries = lines.flatMap((line, at): [string, string][] => {
    if (/^\s*(#|$)/.test(line)) return [];
    const [, id, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(line) ?? [];
    if (id !== undefined && value !== undefined) return [[id, value.trim()]];
    throw new Error(`${file}:${at + 1}: expected a line such as my_database=postgres://…`);
  });
  return Object.fromEntries(entries);
}

export async function poolsExport(session: VerbSession, file: string): Promise<void> {
  const pools = await listPools(session.database);
  const entries = pools.map(
    (it) => [it.name, { slots: it.slots, description: it.description ?? "" }] as const,
  );
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(entries), undefined, 4)}\n`);
  session.out(`Exported ${pools.length} pools to ${file}\n`);
}

export async function poolsImport(session: VerbSession, file: string): Promise<void> {
  const entries = Object.entries(readObject(file));
  await session.database.transaction(async (queries) => {
    for (const [name, given] of entries) {
      const slots = isJsonObject(given) ? given["slots"] : undefined;
      const description = isJsonObject(given) ? given["description"] : undefined;
      if (typeof slots !== "number" || !Number.isInteger(slots) || slots < -1) {
        throw new Error(`${file}: pool ${name} needs 'slots', a whole number or -1`);
      }
      const text = typeof description === "string" ? description : "";
      await savePool(queries, { name, slots, description: text });
    }
  });
  await session.database.notify();
  session.out(`Uploaded ${entries.length} pools\n`);
}

function isYaml(file: string): boolean {
  return /\.ya?ml$/.test(file);
}

/** @throws {Error} naming the file, and the place in it. */
function readObject(file: string): JsonObject {
  const text = readFileSync(file, "utf8");
  let value: unknown;
  try {
    value = isYaml(file) ? parseYaml(text).documents[0]?.value : JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file}: ${reason}`, { cause });
  }
  if (isJsonObject(value)) return value;
  throw new Error(`${file}: expected an object by name`);
}
