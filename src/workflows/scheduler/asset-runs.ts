import { isMet } from "#dag/assets/asset.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import type { Queries } from "#sql/database.ts";
import {
  consumeAssets,
  dagsWithNews,
  markLookedAt,
  madeFor,
  saveAssetEvents,
} from "#workflows/state/assets.ts";
import { findDag, findVersion } from "#workflows/state/dags.ts";
import type { DagModel } from "#dag/model/model.ts";
import type { NewRun } from "#workflows/state/runs.ts";
import { createRun } from "./create-run.ts";
import type { Turn } from "./turn-context.ts";

/** Most DAGs that are looked at in one turn because something was made for them. */
const dagsPerTurnMax = 50;

/** Makes the runs of DAGs whose assets have been made. */
export async function createAssetRuns(turn: Turn): Promise<void> {
  const { queries, now } = turn;
  if (turn.assetEvents.length > 0) await saveAssetEvents(queries, turn.assetEvents);
  for (const dagId of await dagsWithNews(queries, dagsPerTurnMax)) {
    const dag = await findDag(queries, dagId);
    const version = dag && (await findVersion(queries, dagId, dag.version));
    const made = await madeFor(queries, dagId);
    if (dag === undefined || version === undefined) continue;
    const { schedule } = version.model;
    if (!("when" in schedule)) continue;
    if (!isMet(schedule.when, made)) {
      await markLookedAt(queries, dagId, now);
      continue;
    }
    const interval = { start: now, end: now };
    const times = { logicalDate: now, interval, runAfter: now, now };
    const { version: number } = dag;
    const runId = await insertNamed(queries, version.model, {
      ...{ dagId, version: number, runType: "asset_triggered", conf: {}, ...times },
    });
    await consumeAssets(queries, { dagId, runId });
    turn.events.push({ at: now, name: "run.created", dagId, runId });
  }
}

/** Two runs may begin in one millisecond. */
async function insertNamed(
  queries: Queries,
  model: DagModel,
  run: Omit<NewRun, "runId">,
): Promise<string> {
  const base = `asset_triggered__${formatMoment(run.now)}`;
  for (let count = 0; ; count += 1) {
    const runId = count === 0 ? base : `${base}_${count}`;
    if (await createRun(queries, model, { ...run, runId })) return runId;
  }
}
