import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import { findDag, type DagRow } from "#workflows/state/dags.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { RunKey } from "#workflows/state/runs.ts";
import { integer } from "#workflows/api/fields.ts";
import type { Call } from "#workflows/api/routing.ts";
import { ApiProblem, notFound } from "#workflows/api/problem.ts";
import { instanceColumns, instanceTables } from "#workflows/api/shapes/instances.ts";
import { runColumns, runTables } from "#workflows/api/shapes/runs.ts";

/** Stands for any DAG, or any run, in a path. */
export const wildcard = "~";

/** A variable of the path. */
export function inPath(call: Pick<Call, "path">, name: string): string {
  return call.path[name] ?? "";
}

/** A whole number of the path. @throws {ApiProblem} 422 */
export function integerInPath(call: Pick<Call, "path">, name: string): number {
  const input = inPath(call, name);
  const reading = integer().read(input, true);
  if (reading.fault === undefined) return reading.value ?? 0;
  const { type, msg } = reading.fault;
  throw new ApiProblem(422, [{ type, loc: ["path", name], msg, input }]);
}

/** The DAG of the path. @throws {ApiProblem} 404 */
export async function requireDag(call: Pick<Call, "path" | "ports">): Promise<DagRow> {
  const dagId = inPath(call, "dag_id");
  const dag = await findDag(call.ports.database, dagId);
  if (dag === undefined) throw notFound(`The Dag with ID: \`${dagId}\` was not found`);
  return dag;
}

/** The run of the path. */
export function runKey(call: Pick<Call, "path">): RunKey {
  return { dagId: inPath(call, "dag_id"), runId: inPath(call, "dag_run_id") };
}

/** A run, for {@link runShape}. @throws {ApiProblem} 404 */
export async function requireRunRow(queries: Queries, key: RunKey): Promise<Row> {
  const [row] = await queries.rows(
    `select ${runColumns} from ${runTables} where dag_run.dag_id = ? and dag_run.run_id = ?`,
    key.dagId,
    key.runId,
  );
  if (row !== undefined) return row;
  throw notFound(
    `The DagRun with dag_id: \`${key.dagId}\` and run_id: \`${key.runId}\` was not found`,
  );
}

/** An instance, for {@link instanceShape}; undefined when there is none. */
export async function findInstanceRow(
  queries: Queries,
  key: InstanceKey,
): Promise<Row | undefined> {
  const rows = await queries.rows(
    `select ${instanceColumns} from ${instanceTables} where task_instance.dag_id = ?
       and task_instance.run_id = ? and task_instance.task_id = ? and task_instance.map_index = ?`,
    key.dagId,
    key.runId,
    key.taskId,
    key.mapIndex,
  );
  return rows[0];
}

/** An instance, for {@link instanceShape}. @throws {ApiProblem} 404 */
export async function requireInstanceRow(queries: Queries, key: InstanceKey): Promise<Row> {
  const row = await findInstanceRow(queries, key);
  if (row !== undefined) return row;
  throw instanceNotFound(key);
}

export function instanceNotFound(key: InstanceKey): Error {
  return notFound(
    `The Task Instance with dag_id: \`${key.dagId}\`, run_id: \`${key.runId}\`, task_id: \`${key.taskId}\` and map_index: \`${key.mapIndex}\` was not found`,
  );
}

/** Files that are broken. */
export async function brokenFiles(queries: Queries): Promise<ReadonlySet<string>> {
  const rows = await queries.rows("select file from import_error");
  return new Set(rows.map((row) => textOf(row, "file")));
}

/** The first column of the first row as a number. */
export async function countOf(
  queries: Queries,
  sql: string,
  ...values: readonly (string | number)[]
): Promise<number> {
  const [row] = await queries.rows(sql, ...values);
  return row === undefined ? 0 : numberOf(row, "count");
}
