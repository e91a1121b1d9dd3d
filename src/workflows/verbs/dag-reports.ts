import type { JsonObject } from "#api/object.ts";
import type { DagModel, TaskModel } from "#dag/model/model.ts";
import { findVersion, listDags, listImportErrors, type DagRow } from "#workflows/state/dags.ts";
import { requestParsing } from "#workflows/state/parse-requests.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { requireRun } from "./find-run.ts";
import type { VerbSession } from "./session.ts";

async function models(
  session: VerbSession,
): Promise<readonly { readonly dag: DagRow; readonly model: DagModel | undefined }[]> {
  const { database } = session;
  const dags = await listDags(database);
  return await Promise.all(
    dags.map(async (dag) => ({
      dag,
      model: (await findVersion(database, dag.dagId, dag.version))?.model,
    })),
  );
}

/** What was read of each file. */
export async function dagsReport(session: VerbSession, { output }: Form): Promise<void> {
  const byFile = Map.groupBy(await models(session), (it) => it.dag.file);
  const broken = (await listImportErrors(session.database)).map((it) => it.file);
  const rows = [...new Set([...byFile.keys(), ...broken])].sort().map((file): JsonObject => {
    const own = byFile.get(file) ?? [];
    return {
      file,
      dag_num: own.length,
      task_num: own.reduce((sum, it) => sum + (it.model?.tasks.length ?? 0), 0),
      dags: own.map((it) => it.dag.dagId).join(", "),
      broken: broken.includes(file),
    };
  });
  session.out(formatRows(rows, output));
}

/** The state of a run, with its configuration when it has one; `None` when there is no such run. */
export async function dagsState(
  session: VerbSession,
  dagId: string,
  runOrDate: string,
): Promise<void> {
  const run = await requireRun(session, dagId, runOrDate).catch(() => undefined);
  const conf = Object.keys(run?.conf ?? {}).length === 0 ? "" : `, ${JSON.stringify(run?.conf)}`;
  session.out(`${run?.state ?? "None"}${conf}\n`);
}

/** Has every file of DAGs read again, changed or not, by the scheduler. */
export async function dagsReserialize(session: VerbSession): Promise<void> {
  const { database } = session;
  const files = new Set([
    ...(await listDags(database)).map((it) => it.file),
    ...(await listImportErrors(database)).map((it) => it.file),
  ]);
  await requestParsing(database, [...files]);
  session.out(`${files.size} files are read again\n`);
}

interface Dependency {
  readonly from: string;
  readonly to: string;
  /** The task that triggers or waits, or the asset. */
  readonly by: string;
}

/** Which DAG starts, or is waited for by, which other; as rows, or for Graphviz. */
export async function dagsShowDependencies(
  session: VerbSession,
  { output, dot }: Form & { readonly dot: boolean },
): Promise<void> {
  const found = await models(session);
  const all = [
    ...found.flatMap(({ dag, model }) =>
      (model?.tasks ?? []).flatMap((task) => ofTask(dag.dagId, task)),
    ),
    ...(await throughAssets(session)),
  ];
  if (!dot) {
    session.out(
      formatRows(
        all.map((it) => ({ ...it })),
        output,
      ),
    );
    return;
  }
  const lines = all.map(
    (it) => `  ${quoted(it.from)} -> ${quoted(it.to)} [label=${quoted(it.by)}]`,
  );
  session.out(`digraph dependencies {\n${lines.map((it) => `${it}\n`).join("")}}\n`);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function ofTask(dagId: string, task: TaskModel): Dependency[] {
  const other = task.arguments["dag"];
  if (typeof other !== "string") return [];
  if (task.operator === "trigger_dag") return [{ from: dagId, to: other, by: task.id }];
  if (task.operator === "external_task_sensor") return [{ from: other, to: dagId, by: task.id }];
  return [];
}

async function throughAssets({ database }: VerbSession): Promise<Dependency[]> {
  const rows = await database.rows(
    `select distinct asset_producer.dag_id as maker, asset_consumer.dag_id as reader,
       asset_producer.asset as asset from asset_producer
       join asset_consumer on asset_consumer.asset = asset_producer.asset order by 1, 2, 3`,
  );
  return rows.map((row) => ({
    from: String(row["maker"]),
    to: String(row["reader"]),
    by: `asset ${String(row["asset"])}`,
  }));
}
