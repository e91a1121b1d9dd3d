import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { Informer } from "#client/informer.ts";
import { configMaps } from "#client/kinds.ts";
import { SharedEvents } from "#client/watch-event.ts";
import { TaskGroup } from "#base/task-group.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi } from "#testing/test-api.ts";

test("inProcessTransport: components that watch the same hold one decoded object", async () => {
  await using testApi = await openTestApi(systemClock);
  const signal = AbortSignal.timeout(30_000);
  await testApi.ensureRoles(signal);
  const shared = new SharedEvents();
  const common = { clock: systemClock, random: seededRandom(1), log: silentLogger, freeze: false };
  const informers = [testApi.transport, testApi.transportOf("manager")].map(
    (transport) =>
      new Informer<ConfigMap>({
        ...common,
        resource: configMaps,
        client: new Client(transport, shared),
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
