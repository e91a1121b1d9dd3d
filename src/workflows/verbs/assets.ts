import { saveAssetEvents, listAssetEvents, listAssets } from "#workflows/state/assets.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import type { AssetRow } from "#workflows/state/assets.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

/** Most events that are shown. */
const shown = 20;

export async function assetsList(session: VerbSession, { output }: Form): Promise<void> {
  const rows = (await listAssets(session.database)).map((it) => ({
    name: it.name,
    uri: it.uri,
    group: it.group,
    made_at: when(it.madeAt),
    producers: it.producers.map((by) => `${by.dagId}.${by.taskId}`).join(", "),
    consumers: it.consumers.join(", "),
  }));
  session.out(formatRows(rows, output));
}

/** An asset by its name or its URI. */
export interface WantedAsset {
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
}

/** @throws {Error} when there is none, or several have the URI. */
async function requireAsset(
  { database }: VerbSession,
  { name, uri }: WantedAsset,
): Promise<AssetRow> {
  if (name === undefined && uri === undefined) throw new Error("which asset: --name or --uri");
  const found = (await listAssets(database, name)).filter(
    (it) => uri === undefined || it.uri === uri,
  );
  const [only, other] = found;
  const wanted = name ?? uri ?? "";
  if (only === undefined) {
    throw new Error(`there is no asset '${wanted}': gantry assets list shows those there are`);
  }
  if (other === undefined) return only;
  const names = found.map((it) => it.name).join(", ");
  throw new Error(`several assets have the URI '${wanted}': ${names}; --name says which`);
}

/** What is known of an asset, and when it was made of late. */
export async function assetsDetails(
  session: VerbSession,
  wanted: WantedAsset,
  { output }: Form,
): Promise<void> {
  const asset = await requireAsset(session, wanted);
  const events = await listAssetEvents(session.database, asset.name, shown);
  session.out(`${asset.name}  uri ${asset.uri}  group ${asset.group}\n`);
  const rows = events.map((it) => ({
    made_at: when(it.at),
    dag_id: it.source?.dagId ?? null,
    run_id: it.source?.runId ?? null,
    task_id: it.source?.taskId ?? null,
    extra: it.extra,
  }));
  session.out(formatRows(rows, output));
}

/** Has the DAG run that makes an asset. */
export async function assetsMaterialize(
  session: VerbSession,
  wanted: WantedAsset,
  { output }: Form,
): Promise<void> {
  const { database, clock } = session;
  const { name, producers } = await requireAsset(session, wanted);
  const [dagId, other] = new Set(producers.map((it) => it.dagId));
  if (dagId === undefined) throw new Error(`no DAG makes asset '${name}'`);
  if (other !== undefined) {
    throw new Error(`several DAGs make asset '${name}': gantry dags trigger ${dagId} starts one`);
  }
  const given = { dagId, runId: undefined, logicalDate: undefined, conf: {} };
  const runId = await triggerRun(database, given, clock.now());
  session.out(formatRows([{ dag_id: dagId, dag_run_id: runId, state: "queued" }], output));
}

/** Tells that somebody outside has made an asset. */
export async function assetsMade(session: VerbSession, name: string): Promise<void> {
  const { database, clock } = session;
  await requireAsset(session, { name });
  const event = { asset: name, at: clock.now(), extra: {}, source: undefined };
  await database.transaction((queries) => saveAssetEvents(queries, [event]));
  await database.notify();
  session.out(`Asset ${name} was made\n`);
}
