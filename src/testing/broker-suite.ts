import assert from "node:assert/strict";
import { test, type TestOptions } from "node:test";
import type { Broker, QueuedJob } from "#workflows/broker/broker.ts";
import { eventually } from "./eventually.ts";

const boundMs = 30_000;
const schedulers = [
  { url: "http://127.0.0.1:1", certificateAuthority: "PEM" },
  { url: "https://b" },
];

function job(attempt: string, change: Partial<QueuedJob> = {}): QueuedJob {
  return { attempt, queue: "default", weight: 1, schedulers, token: `for ${attempt}`, ...change };
}

/** A broker that holds nothing yet. */
export interface FreshBroker extends AsyncDisposable {
  /** Another client of it. */
  open(): Promise<Broker>;
}

/** What every broker must do. */
export function brokerSuite(
  name: string,
  fresh: () => Promise<FreshBroker>,
  options: TestOptions = {},
): void {
  test(`${name}: what was put is taken by one alone, the heavier first`, options, async () => {
    await using server = await fresh();
    await using scheduler = await server.open();
    await using one = await server.open();
    await using other = await server.open();
    const all = [
      job("a"),
      job("b", { weight: 2_000_000 }),
      job("c", { weight: -5 }),
      job("d", { weight: 0 }),
    ];
    for (const it of all) await scheduler.put(it);
    const taken: QueuedJob[] = [];
    for (const broker of [one, other, one, other]) {
      taken.push(...(await broker.take(["default"], 1)));
    }
    assert.deepEqual(
      taken,
      ["b", "a", "d", "c"].map((it) => all.find(({ attempt }) => attempt === it)),
    );
    assert.deepEqual(await one.take(["default"], 1), []);
  });

  test(`${name}: many that take at a time take each once`, options, async () => {
    await using server = await fresh();
    await using scheduler = await server.open();
    const workers = await Promise.all([server.open(), server.open(), server.open()]);
    const names = Array.from({ length: 60 }, (_, at) => `n${at}`);
    await Promise.all(names.map((it) => scheduler.put(job(it))));
    const rounds = workers.map(async (it) => {
      const taken: string[] = [];
      for (let batch = await it.take(["default"], 7); batch.length > 0;) {
        assert.ok(batch.length <= 7);
        taken.push(...batch.map(({ attempt }) => attempt));
        batch = await it.take(["default"], 7);
      }
      return taken;
    });
    assert.deepEqual((await Promise.all(rounds)).flat().sort(), names.sort());
    for (const it of workers) await it[Symbol.asyncDispose]();
  });

  test(`${name}: queues are apart, whatever their names`, options, async () => {
    await using server = await fresh();
    await using broker = await server.open();
    const odd = "gpu:large/1 é";
    await broker.put(job("a"));
    await broker.put(job("b", { queue: odd }));
    await broker.put(job("123", { queue: "third" }));
    assert.deepEqual(await broker.take(["empty"], 5), []);
    assert.deepEqual(
      (await broker.take([odd], 5)).map((it) => it.attempt),
      ["b"],
    );
    const rest = await broker.take(["third", odd, "default"], 5);
    assert.deepEqual(rest.map((it) => it.attempt).sort(), ["123", "a"]);
  });

  test(`${name}: what waits is known, replaced and taken back`, options, async () => {
    await using server = await fresh();
    await using broker = await server.open();
    const tries = [job("a"), job("b"), job("c", { queue: "other" })];
    for (const it of tries) await broker.put(it);
    await broker.put(job("a", { token: "another" }));
    assert.deepEqual([...(await broker.waiting([...tries, job("d")]))].sort(), ["a", "b", "c"]);
    assert.deepEqual([...(await broker.waiting([job("b")]))], ["b"]);
    assert.deepEqual([...(await broker.waiting([]))], []);
    await broker.remove(job("b"));
    await broker.remove(job("d"));
    assert.deepEqual(await broker.take(["default"], 5), [job("a", { token: "another" })]);
    assert.deepEqual([...(await broker.waiting(tries))], ["c"]);
    await broker.put(job("a"));
    assert.deepEqual(await broker.take(["other", "default"], 1).then((it) => it.length), 1);
    assert.deepEqual(await broker.take(["other", "default"], 5).then((it) => it.length), 1);
  });

  test(`${name}: who listens hears that there is something`, options, async () => {
    await using server = await fresh();
    await using scheduler = await server.open();
    await using worker = await server.open();
    let heard = 0;
    await using listening = await worker.listen(["default"], () => {
      heard += 1;
    });
    await eventually(async () => {
      const before = heard;
      await scheduler.put(job("a"));
      await eventually(() => {
        assert.ok(heard > before);
      }, 1_000);
    }, boundMs);
    await listening[Symbol.asyncDispose]();
  });
}
