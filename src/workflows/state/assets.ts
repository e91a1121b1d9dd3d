import type { Json } from "#api/object.ts";
import { aliasesOf, assetsOf, type AssetModel, type Made } from "#dag/assets/asset.ts";
import type { DagModel } from "#dag/model/model.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import { insertRows, type Queries, type Row } from "#sql/database.ts";
import type { RunKey } from "./runs.ts";

/** Stores the assets that a DAG names, what it waits for and what its tasks make. */
export async function saveAssets(queries: Queries, model: DagModel, now: number): Promise<void> {
  const { id, schedule } = model;
  const waited = "when" in schedule ? assetsOf(schedule.when) : [];
  const aliases = "when" in schedule ? aliasesOf(schedule.when) : [];
  const made = model.tasks.flatMap((task) =>
    (task.outlets ?? []).map((it) => ({ task: task.id, asset: it })),
  );
  const read = model.tasks.flatMap((task) =>
    (task.inlets ?? []).map((it) => ({ task: task.id, asset: it })),
  );
  const all = new Map(
    [...waited, ...[...made, ...read].map((it) => it.asset)].map((it) => [it.name, it]),
  );
  await saveModels(queries, [...all.values()], now);
  const tables = ["asset_consumer", "asset_producer", "asset_reader", "asset_alias_consumer"];
  for (const table of tables) {
    await queries.run(`delete from ${table} where dag_id = ?`, id);
  }
  const waitedFor = aliases.map((it) => [it, id]);
  await insertRows(queries, "asset_alias_consumer", ["alias", "dag_id"], waitedFor);
  const consumed = waited.map((it) => [it.name, id]);
  await insertRows(queries, "asset_consumer", ["asset", "dag_id"], consumed);
  for (const [table, named] of [
    ["asset_producer", made],
    ["asset_reader", read],
  ] as const) {
    const rows = named.map((it) => [it.asset.name, id, it.task]);
    const columns = ["asset", "dag_id", "task_id"];
    await insertRows(queries, table, columns, rows, "on conflict do nothing");
  }
  // What was made before may be enough for what is asked for now, or no longer asked for.
  await queries.run("update asset_queue set looked_at = 0 where dag_id = ?", id);
  await queries.run(
    `delete from asset_queue where dag_id = ?
       and asset not in (${consumedAssets("dag_id = ?")})`,
    id,
    id,
    id,
  );
}

async function saveModels(
  queries: Queries,
  assets: readonly AssetModel[],
  now: number,
): Promise<void> {
  await insertRows(
    queries,
    "asset",
    ["name", "uri", "asset_group", "extra", "created_at", "updated_at"],
    assets.map((it) => [it.name, it.uri, it.group, JSON.stringify(it.extra), now, now]),
    `on conflict (name) do update set uri = excluded.uri, asset_group = excluded.asset_group,
       extra = excluded.extra, updated_at = excluded.updated_at`,
  );
}

/** Assets that are waited for, by name or by an alias under which they were made once. */
function consumedAssets(which: string, columns = "asset"): string {
  return `select ${columns} from asset_consumer where ${which}
    union select ${columns} from asset_alias_link
      join asset_alias_consumer on asset_alias_consumer.alias = asset_alias_link.alias
      where ${which}`;
}

/** Something was made. */
export interface NewAssetEvent {
  readonly asset: string;
  readonly at: number;
  readonly extra: Readonly<Record<string, Json>>;
  /** The name under which it was made, and what it is. */
  readonly aliased?: { readonly alias: string; readonly model: AssetModel } | undefined;
  /** What made it; undefined for somebody outside. */
  readonly source: (RunKey & { readonly taskId: string; readonly mapIndex: number }) | undefined;
}

export interface AssetEvent extends NewAssetEvent {
  readonly id: number;
}

/** Stores what was made, for the DAGs that wait for it and are not paused. */
export async function saveAssetEvents(
  queries: Queries,
  events: readonly NewAssetEvent[],
): Promise<void> {
  const aliased = events.flatMap((it) => it.aliased ?? []);
  if (aliased.length > 0) {
    const models = new Map(aliased.map(({ model }) => [model.name, model]));
    const at = Math.max(...events.map((it) => it.at));
    await saveModels(queries, [...models.values()], at);
    const links = new Map(
      aliased.map(({ alias, model }) => [`${alias} ${model.name}`, [alias, model.name]]),
    );
    const columns = ["alias", "asset"];
    const again = "on conflict do nothing";
    await insertRows(queries, "asset_alias_link", columns, [...links.values()], again);
  }
  await insertRows(
    queries,
    "asset_event",
    ["asset", "at", "extra", "dag_id", "run_id", "task_id", "map_index"],
    events.map(({ asset, at, extra, source }) => [
      ...[asset, at, JSON.stringify(extra), source?.dagId ?? null, source?.runId ?? null],
      ...[source?.taskId ?? null, source?.mapIndex ?? null],
    ]),
  );
  for (const { asset, at } of new Map(events.map((it) => [it.asset, it])).values()) {
    await queries.run(
      `insert into asset_queue (dag_id, asset, at, looked_at)
       select dag.dag_id, asset, cast(? as bigint), 0
       from (${consumedAssets("asset = ?", "asset, dag_id")}) as consumed
         join dag on dag.dag_id = consumed.dag_id
       where paused = 0 and active = 1
       on conflict (dag_id, asset) do update set looked_at = 0`,
      at,
      asset,
      asset,
    );
  }
}

/** What has been made for a DAG since its last run, with the aliases that stand for it. */
export async function madeFor(queries: Queries, dagId: string): Promise<Made> {
  const rows = await queries.rows(
    `select asset_queue.asset, alias from asset_queue
       left join asset_alias_link on asset_alias_link.asset = asset_queue.asset
     where dag_id = ?`,
    dagId,
  );
  return {
    assets: new Set(rows.map((it) => textOf(it, "asset"))),
    aliases: new Set(rows.flatMap((it) => maybeText(it, "alias") ?? [])),
  };
}

/** DAGs for which something was made that has not been looked at. */
export async function dagsWithNews(queries: Queries, limit: number): Promise<readonly string[]> {
  const rows = await queries.rows(
    `select distinct asset_queue.dag_id from asset_queue join dag on dag.dag_id = asset_queue.dag_id
     where looked_at = 0 and paused = 0 and active = 1 order by 1 limit ?`,
    limit,
  );
  return rows.map((it) => textOf(it, "dag_id"));
}

/** What is there is not enough; more is waited for. */
export async function markLookedAt(queries: Queries, dagId: string, now: number): Promise<void> {
  await queries.run("update asset_queue set looked_at = ? where dag_id = ?", now, dagId);
}

/** Gives a run all that was made for its DAG. */
export async function consumeAssets(queries: Queries, run: RunKey): Promise<void> {
  await queries.run(
    `insert into run_asset_event (dag_id, run_id, event_id)
     select asset_queue.dag_id, ?, asset_event.id from asset_queue
       join asset_event on asset_event.asset = asset_queue.asset and asset_event.at >= asset_queue.at
     where asset_queue.dag_id = ? on conflict do nothing`,
    run.runId,
    run.dagId,
  );
  await queries.run("delete from asset_queue where dag_id = ?", run.dagId);
}

function assetEvent(row: Row): AssetEvent {
  const dagId = maybeText(row, "dag_id");
  const source =
    dagId === undefined
      ? undefined
      : {
          dagId,
          runId: textOf(row, "run_id"),
          taskId: textOf(row, "task_id"),
          mapIndex: numberOf(row, "map_index"),
        };
  return {
    id: numberOf(row, "id"),
    asset: textOf(row, "asset"),
    at: numberOf(row, "at"),
    extra: JSON.parse(textOf(row, "extra")) as Record<string, Json>,
    source,
  };
}

/** What a run was started by, in order. */
export async function eventsOfRun(queries: Queries, run: RunKey): Promise<readonly AssetEvent[]> {
  const rows = await queries.rows(
    `select asset_event.* from run_asset_event join asset_event on asset_event.id = event_id
     where run_asset_event.dag_id = ? and run_asset_event.run_id = ? order by asset_event.id`,
    run.dagId,
    run.runId,
  );
  return rows.map(assetEvent);
}

export async function listAssetEvents(
  queries: Queries,
  asset: string,
  limit: number,
): Promise<readonly AssetEvent[]> {
  const rows = await queries.rows(
    "select * from asset_event where asset = ? order by id desc limit ?",
    asset,
    limit,
  );
  return rows.map(assetEvent);
}

/** An asset with the DAGs around it. */
export interface AssetRow extends AssetModel {
  /** When it was made last. */
  readonly madeAt: number | undefined;
  readonly producers: readonly { readonly dagId: string; readonly taskId: string }[];
  readonly consumers: readonly string[];
}

/** By name; one of them when `name` is given. */
export async function listAssets(queries: Queries, name?: string): Promise<readonly AssetRow[]> {
  const only = name === undefined ? "" : "where name = ?";
  const given = name === undefined ? [] : [name];
  const [rows, producers, consumers] = await Promise.all([
    queries.rows(
      `select asset.*, (select max(at) from asset_event where asset = name) as made_at
       from asset ${only} order by name`,
      ...given,
    ),
    queries.rows("select asset, dag_id, task_id from asset_producer order by 2, 3"),
    queries.rows("select asset, dag_id from asset_consumer order by 2"),
  ]);
  const made = Map.groupBy(producers, (it) => textOf(it, "asset"));
  const read = Map.groupBy(consumers, (it) => textOf(it, "asset"));
  return rows.map((row) => {
    const own = textOf(row, "name");
    return {
      name: own,
      uri: textOf(row, "uri"),
      group: textOf(row, "asset_group"),
      extra: JSON.parse(textOf(row, "extra")) as Record<string, Json>,
      madeAt: maybeNumber(row, "made_at"),
      producers: (made.get(own) ?? []).map((it) => ({
        dagId: textOf(it, "dag_id"),
        taskId: textOf(it, "task_id"),
      })),
      consumers: (read.get(own) ?? []).map((it) => textOf(it, "dag_id")),
    };
  });
}
