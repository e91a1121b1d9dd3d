import assert from "node:assert/strict";
import { test } from "node:test";
import { allOf, anyOf, asset, assetAlias } from "#dag/authoring/asset.ts";
import { dag, type Dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import type { Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { inTurn } from "#testing/workflow-turn.ts";
import { eventsOfRun, listAssets, type NewAssetEvent } from "#workflows/state/assets.ts";
import { saveDag, setPaused } from "#workflows/state/dags.ts";
import { listRuns } from "#workflows/state/runs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { createAssetRuns } from "./asset-runs.ts";

const [a, b, c] = [asset("a"), asset("b"), asset("c")];

async function store(database: Database, made: Dag, hash = "h"): Promise<void> {
  const declared = { model: made.model, file: "f", hash, bundle: "" };
  await saveDag(database, declared, { now: 0, pausedAtCreation: false });
}

/** A turn at `now` in which these were made. */
async function turn(database: Database, now: number, ...made: readonly string[]): Promise<void> {
  const source = { dagId: "maker", runId: "r", taskId: "t", mapIndex: -1 };
  const assetEvents: NewAssetEvent[] = made.map((it) => ({
    asset: it,
    at: now,
    extra: {},
    source,
  }));
  await inTurn(database, now, (it) => createAssetRuns({ ...it, assetEvents }));
}

async function runs(database: Database): Promise<string> {
  const all = await listRuns(database, { limit: 100 });
  const texts = await Promise.all(
    all.map(async (it) => {
      const events = await eventsOfRun(database, it);
      return `${it.dagId}@${it.logicalDate}:${events.map((event) => event.asset).join("")}`;
    }),
  );
  return texts.sort().join(" ");
}

test("createAssetRuns: a DAG runs when what it waits for has been made since its last run", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  await store(
    database,
    dag("one", { schedule: a }, () => empty("t")),
  );
  await store(
    database,
    dag("both", { schedule: [a, b] }, () => empty("t")),
  );
  await store(
    database,
    dag("either", { schedule: anyOf(b, allOf(a, c)) }, () => empty("t")),
  );
  await turn(database, 10, "a");
  assert.equal(await runs(database), "one@10:a");
  await turn(database, 20, "a", "c");
  assert.equal(await runs(database), "either@20:aac one@10:a one@20:a");
  await turn(database, 30, "b");
  const third = "both@30:aab either@20:aac either@30:b one@10:a one@20:a";
  assert.equal(await runs(database), third);
  await turn(database, 40);
  assert.equal(await runs(database), third, "once");

  await setPaused(database, "one", true);
  await turn(database, 50, "a");
  await setPaused(database, "one", false);
  await turn(database, 60);
  assert.equal(await runs(database), third, "what is made while a DAG is paused is not for it");

  // `both` has a from 50 and asks for a alone from now on.
  await store(
    database,
    dag("both", { schedule: a }, () => empty("t")),
    "h2",
  );
  await turn(database, 70);
  assert.equal(await runs(database), `both@30:aab both@70:a ${third.slice(12)}`);
});

test("saveAssets: who makes what and who waits for it follows the newest version", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const maker = (outlets: ReturnType<typeof asset>[]): Dag =>
    dag("maker", {}, () => empty("t", { outlets }));
  await store(database, maker([a, b]));
  await store(
    database,
    dag("one", { schedule: a }, () => empty("t")),
  );
  const text = async (): Promise<string> =>
    (await listAssets(database))
      .map((it) => `${it.name}<${it.producers.map((by) => by.dagId).join()}>${it.consumers.join()}`)
      .join(" ");
  assert.equal(await text(), "a<maker>one b<maker>");
  await store(database, maker([b]), "h2");
  assert.equal(await text(), "a<>one b<maker>");
});

test("createAssetRuns: an alias stands for what was made under it, now and later", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const schedules = { alias: assetAlias("files"), mixed: allOf(a, assetAlias("files")) };
  for (const [id, schedule] of Object.entries(schedules)) {
    await store(
      database,
      dag(id, { schedule }, () => empty("t")),
    );
  }
  const aliased = { alias: "files", model: b };
  const event = { asset: "b", extra: {}, source: undefined };
  await inTurn(database, 10, (it) =>
    createAssetRuns({ ...it, assetEvents: [{ ...event, at: 10, aliased }] }),
  );
  assert.equal(await runs(database), "alias@10:b");
  await turn(database, 20, "b");
  await turn(database, 30, "a");
  assert.equal(await runs(database), "alias@10:b alias@20:b mixed@30:bba");
  // A file that is read again without a change leaves what has been made.
  await inTurn(database, 40, (it) =>
    createAssetRuns({ ...it, assetEvents: [{ ...event, at: 40 }] }),
  );
  await store(
    database,
    dag("mixed", { schedule: allOf(a, assetAlias("files")) }, () => empty("u")),
    "h2",
  );
  await turn(database, 50, "a");
  assert.match(await runs(database), /mixed@50:ba$/);
});
