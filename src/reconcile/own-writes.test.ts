import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Informers } from "#client/informers.ts";
import { configMaps } from "#client/kinds.ts";
import { uidOf } from "#client/object-key.ts";
import { openTestApi } from "#testing/test-api.ts";
import { OwnWrites } from "./own-writes.ts";

const never = new AbortController().signal;

test("OwnWrites: after `settled` the cache has what was written, deleted, or perhaps written", async () => {
  await using api = await openTestApi(systemClock);
  const { client } = api;
  const ports = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  const informer = informers.of(configMaps);
  await informer.synced(never);
  const writes = new OwnWrites(informer, ports);
  const metadata = { namespace: "default", name: "a" };

  const created = await client.create(configMaps, { metadata }, {}, never);
  writes.wrote("default/x", created);
  await writes.settled("default/x", never);
  assert.equal(uidOf(informer.get("default/a") ?? {}), uidOf(created));

  assert.equal(await writes.delete("default/x", created, {}, never), true);
  await writes.settled("default/x", never);
  assert.equal(informer.get("default/a"), undefined);
  assert.equal(await writes.delete("default/x", created, {}, never), false);

  const other = await client.create(configMaps, { metadata }, {}, never);
  assert.equal(await writes.delete("default/x", created, {}, never), false, "another of its name");
  assert.equal(uidOf(await client.get(configMaps, metadata, never)), uidOf(other));
  writes.uncertain("default/x");
  await writes.settled("default/x", never);
  assert.notEqual(informer.get("default/a"), undefined);
});

test("OwnWrites: a cache that does not come up is an error after 30 seconds", async () => {
  await using api = await openTestApi(systemClock);
  const clock = new FakeClock();
  const ports = { client: api.client, clock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  const informer = informers.of(configMaps);
  await informer.synced(never);
  const writes = new OwnWrites(informer, ports);
  writes.wrote("default/x", { metadata: { resourceVersion: "99999999" } });
  const settled = assert.rejects(writes.settled("default/x", never), /is behind own writes/);
  await clock.advance(30_000);
  await settled;
});
