import { after, before, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { EtcdStore } from "#store/etcd/store.ts";
import { prefixEnd } from "#store/store.ts";
import { EtcdProcess, etcdMissing } from "#testing/etcd-process.ts";
import { storeSuite } from "#testing/store-suite.ts";

const missing = etcdMissing();
const signal = new AbortController().signal;
let etcd: EtcdProcess | undefined;

before(async () => {
  if (missing === undefined) etcd = await EtcdProcess.start();
});

after(async () => {
  await etcd?.[Symbol.asyncDispose]();
});

/** An empty store: one etcd serves the whole suite, so the keys of the last test are deleted. */
async function open(): Promise<EtcdStore> {
  if (etcd === undefined) throw new Error("etcd did not start");
  const options = { endpoints: [etcd.endpoint], clock: systemClock, onError: () => undefined };
  const store = await EtcdStore.open(options, signal);
  const all = await store.range({ start: "/", end: prefixEnd("/"), limit: 0 }, signal);
  for (const { key, modRevision } of all.entries) {
    await store.write({ kind: "delete", key, ifModRevision: modRevision }, signal);
  }
  return store;
}

if (missing === undefined) storeSuite("EtcdStore", open);
else test("EtcdStore", { skip: missing }, () => undefined);
