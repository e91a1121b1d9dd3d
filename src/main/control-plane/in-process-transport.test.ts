import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { Informer } from "#client/informer.ts";
import { configMaps } from "#client/kinds.ts";
import { readEvents, type WatchEvent } from "#client/watch-event.ts";
import { TaskGroup } from "#base/task-group.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi } from "#testing/test-api.ts";

test("inProcessTransport: components that watch the same hold one decoded object", async () => {
  await using testApi = await openTestApi(systemClock);
  const signal = AbortSignal.timeout(30_000);
  await testApi.ensureRoles(signal);
  const common = { clock: systemClock, random: seededRandom(1), log: silentLogger, freeze: false };
  const informers = [testApi.transport, testApi.transportOf("manager")].map(
    (transport) =>
      new Informer<ConfigMap>({
        ...common,
        resource: configMaps,
        client: new Client(transport),
      }),
  );
  await using tasks = new TaskGroup((error) => {
    throw error;
  });
  for (const it of informers) tasks.start((stop) => it.run(stop));
  for (const it of informers) await it.synced(signal);
  const metadata = { namespace: "default", name: "a" };
  await testApi.client.create(configMaps, { metadata, data: { x: "1" } }, {}, signal);
  await eventually(() => {
    const [first, second] = informers.map((it) => it.get("default/a"));
    assert.equal(first?.data?.["x"], "1");
    assert.equal(first.metadata?.managedFields, undefined);
    assert.equal(second, first, "decoded twice");
  });
});

for (const as of ["objects", "metadata"]) {
  test(`inProcessTransport: a watch of ${as} has the same events as objects and as bytes`, async () => {
    await compareEvents(as);
  });
}

async function compareEvents(as: string): Promise<void> {
  await using testApi = await openTestApi(systemClock);
  const { client, transport } = testApi;
  const signal = AbortSignal.timeout(30_000);
  const metadata = { namespace: "default", name: "a" };
  const path = "/api/v1/namespaces/default/configmaps?watch=true&sendInitialEvents=true";
  const query = "allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=on%3D1";
  const accept =
    as === "metadata"
      ? "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
      : "application/json";
  const send = () =>
    transport.send({ method: "GET", path: `${path}&${query}`, headers: { accept } }, signal);
  const asObjects = (await send()).events;
  assert.ok(asObjects !== undefined);
  const seen = [untilGone(asObjects), untilGone(readEvents((await send()).body))];
  const labels = (on: string) => ({ metadata: { ...metadata, labels: { on } }, data: { x: "1" } });
  await client.create(configMaps, labels("1"), {}, signal);
  await client.update(configMaps, labels("0"), {}, signal);
  await client.update(configMaps, { ...labels("1"), data: { x: "2" } }, {}, signal);
  await client.delete(configMaps, metadata, {}, signal);
  const [objects, bytes] = await Promise.all(seen);
  assert.deepEqual(objects, bytes);
  const types = objects?.map((it) => it.type);
  assert.deepEqual(types, ["BOOKMARK", "ADDED", "DELETED", "ADDED", "DELETED"]);
}

/** Events until the object was deleted twice, or left the selection. */
async function untilGone(
  events: AsyncIterable<readonly WatchEvent<unknown>[]>,
): Promise<WatchEvent<unknown>[]> {
  const seen: WatchEvent<unknown>[] = [];
  for await (const batch of events) {
    seen.push(...batch);
    if (seen.filter((it) => it.type === "DELETED").length === 2) break;
  }
  return seen;
}
