import type { Connection } from "#dag/connection/connection.ts";
import type { Database, Queries, Row } from "#sql/database.ts";
import { bindParameters } from "./sql-parameters.ts";
import { optionalText, requiredText, type Operator, type OperatorCall } from "./operator.ts";
import { waitFor } from "./sensors.ts";

/** Most rows that are handed on. */
const rowsMax = 10_000;

/** Runs statements in one transaction. The rows of the last are the result. */
export const sqlOperator: Operator = {
  templated: ["sql", "parameters"],
  templateEndings: [".sql"],
  async execute(call) {
    const rows = await runSql(call);
    return { value: rows.slice(0, rowsMax) };
  },
};

/** Looks until the first value of the first row is something true. */
export const sqlSensorOperator: Operator = {
  templated: ["sql", "parameters"],
  templateEndings: [".sql"],
  async execute(call) {
    await waitFor(call, async () => {
      const [row] = await runSql(call);
      const [first] = Object.values(row ?? {});
      return first !== undefined && first !== null && first !== 0 && first !== "" && first !== "0";
    });
    return { value: true };
  },
};

async function runSql(call: OperatorCall): Promise<readonly Row[]> {
  const connection = await call.context.connections.get(requiredText(call, "connection"));
  const statements = statementsOf(call);
  const schema = optionalText(call, "database") ?? connection.schema;
  await using database = await openDatabase({ ...connection, schema });
  const rows =
    call.input["autocommit"] === true
      ? await runAll(call, database, statements)
      : await database.transaction((queries) => runAll(call, queries, statements));
  call.log.line("INFO", `${statements.length} statements, ${rows.length} rows`);
  return rows;
}

async function runAll(
  call: OperatorCall,
  queries: Queries,
  statements: readonly string[],
): Promise<readonly Row[]> {
  let rows: readonly Row[] = [];
  for (const statement of statements) {
    call.context.signal.throwIfAborted();
    call.log.line("INFO", statement);
    const bound = bindParameters(statement, call.input["parameters"]);
    rows = await queries.rows(bound.sql, ...bound.values);
  }
  return rows;
}

function statementsOf(call: OperatorCall): string[] {
  const given = call.input["sql"];
  const list = (Array.isArray(given) ? given : [given ?? ""]).map(String);
  const statements = list.flatMap(splitStatements);
  if (statements.length === 0) throw new Error("argument 'sql' has no statement");
  return statements;
}

/** At semicolons that are not inside quotes, comments or dollar quotes. */
export function splitStatements(sql: string): string[] {
  const pattern =
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|;/g;
  const statements: string[] = [];
  let from = 0;
  for (const match of sql.matchAll(pattern)) {
    if (match[0] !== ";") continue;
    statements.push(sql.slice(from, match.index));
    from = match.index + 1;
  }
  return [...statements, sql.slice(from)].map((it) => it.trim()).filter((it) => it !== "");
}

/** The database of a connection. @throws {Error} for a kind of database that is not known. */
export async function openDatabase(connection: Connection): Promise<Database> {
  const { id, type, host, schema, login, password, port } = connection;
  if (type === "sqlite") {
    const { openSqlite } = await import("#sql/sqlite.ts");
    return openSqlite(host === undefined || host === "" ? (schema ?? "") : host);
  }
  if (type !== "postgres") {
    throw new Error(`connection ${id} is of type '${type}'; SQL runs on postgres and sqlite`);
  }
  const credentials =
    login === undefined
      ? ""
      : `${encodeURIComponent(login)}:${encodeURIComponent(password ?? "")}@`;
  const address = `${host ?? "localhost"}:${port ?? 5_432}`;
  const { openPostgres } = await import("#sql/postgres.ts");
  return openPostgres(`postgres://${credentials}${address}/${schema ?? ""}`, { connections: 1 });
}
