import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { eventually } from "#testing/eventually.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { openTestApi } from "#testing/test-api.ts";
import { openTestFront } from "#testing/test-front.ts";
import { Client } from "./client.ts";
import { Informers } from "./informers.ts";
import { configMaps } from "./kinds.ts";

const never = new AbortController().signal;

function map(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace: "default", name }, data };
}

test("Client: every verb, over TLS, against our API server", async () => {
  const certificates = await loopbackCertificates();
  await using testApi = await openTestApi(systemClock);
  await using front = await openTestFront(testApi.api, certificates);
  await using transport = front.connect();
  const client = new Client(transport);
  const at = { namespace: "default", name: "a" };

  const created = await client.create(configMaps, map("a", { x: "1" }), {}, never);
  assert.equal(created.data?.["x"], "1");
  await assert.rejects(client.create(configMaps, map("a"), {}, never), { reason: "AlreadyExists" });
  const updated = await client.update(configMaps, { ...created, data: { x: "2" } }, {}, never);
  await assert.rejects(client.update(configMaps, created, {}, never), { reason: "Conflict" });
  const patch = { type: "merge", body: { data: { y: "3" } } } as const;
  await client.patch(configMaps, at, patch, never);
  const applied = await client.apply(
    configMaps,
    map("a", { z: "4" }),
    { fieldManager: "m" },
    never,
  );
  assert.deepEqual(applied.data, { x: "2", y: "3", z: "4" });
  assert.notEqual(applied.metadata?.resourceVersion, updated.metadata?.resourceVersion);
  assert.equal((await client.getMetadata(configMaps, at, never)).kind, "PartialObjectMetadata");
  assert.equal((await client.list(configMaps, { namespace: "default" }, never)).items.length, 1);
  assert.equal(await client.delete(configMaps, at, {}, never), undefined);
  await assert.rejects(client.get(configMaps, at, never), { reason: "NotFound" });
});

test("Informers: more of them than one connection carries, through a restart of the front", async () => {
  const certificates = await loopbackCertificates();
  await using testApi = await openTestApi(systemClock);
  const first = await openTestFront(testApi.api, certificates);
  await using transport = first.connect();
  const client = new Client(transport);
  const ports = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  const all = Array.from({ length: 120 }, (_, i) =>
    informers.of(configMaps, { labelSelector: `only!=${i}` }),
  );
  await Promise.all(all.map((it) => it.synced(never)));
  await testApi.client.create(configMaps, map("before"), {}, never);
  await eventually(() => {
    for (const it of all) assert.deepEqual(it.keys(), ["default/before"]);
  });
  await first[Symbol.asyncDispose]();
  await testApi.client.create(configMaps, map("while"), {}, never);
  await testApi.client.delete(configMaps, { namespace: "default", name: "before" }, {}, never);
  await using second = await openTestFront(testApi.api, certificates, first.port);
  assert.equal(second.port, first.port);
  await eventually(() => {
    for (const it of all) assert.deepEqual(it.keys(), ["default/while"]);
  });
});
