import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { nodes } from "#client/kinds.ts";
import type { Transport } from "#client/transport.ts";
import type { WatchEvent } from "#client/watch-event.ts";
import { openTestApi } from "#testing/test-api.ts";
import { nodeLifecycleController } from "./controller.ts";

const unschedulableTaint = "node.kubernetes.io/unschedulable";

/** Passes requests on, remembers how writes of nodes ended, and holds events back until `gate`. */
class HeldTransport implements Transport {
  readonly written: number[] = [];
  gate: Promise<unknown> = Promise.resolve();
  readonly #inner: Transport;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  async send(...[request, signal]: Parameters<Transport["send"]>): ReturnType<Transport["send"]> {
    const response = await this.#inner.send(request, signal);
    if (request.method === "PATCH") this.written.push(response.status);
    const { events } = response;
    return { ...response, events: events === undefined ? undefined : this.#held(events) };
  }

  async *#held<T>(
    events: AsyncIterable<readonly WatchEvent<T>[]>,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    for await (const batch of events) {
      await this.gate;
      yield batch;
    }
  }
}

test("node lifecycle: a node that has changed is tried once, and again when the change arrives", async () => {
  const signal = AbortSignal.timeout(30_000);
  await using testApi = await openTestApi(systemClock);
  const transport = new HeldTransport(testApi.transport);
  const client = new Client(transport);
  const ports = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  const informer = informers.of(nodes);
  const controller = nodeLifecycleController({
    ...ports,
    informers,
    recorder: () => ({ record: () => undefined }),
    rootCa: "PEM",
  });
  const node = { metadata: { name: "a" }, spec: { unschedulable: true } };
  await testApi.client.create(nodes, node, {}, signal);
  for (const it of controller.watches) await it.synced(signal);
  await informer.until(() => informer.get("a") !== undefined, signal);

  const opened = Promise.withResolvers<undefined>();
  transport.gate = opened.promise;
  const taint = { key: "example.com/mine", effect: "NoSchedule" };
  const changed: Node = await testApi.client.patch(
    nodes,
    { name: "a" },
    { type: "merge", body: { spec: { taints: [taint] } } },
    signal,
  );
  const { afterMs = 0 } = await controller.reconcile("a", signal);
  assert.deepEqual(transport.written, [409]);
  assert.ok(afterMs > 0, "it does not rely on the change alone");

  opened.resolve(undefined);
  await informer.reached(changed.metadata?.resourceVersion ?? "", signal);
  await controller.reconcile("a", signal);
  assert.deepEqual(transport.written, [409, 200]);
  const { spec } = await testApi.client.get(nodes, { name: "a" }, signal);
  const keys = (spec?.taints ?? []).map((it) => it.key);
  assert.deepEqual(keys.toSorted(), [taint.key, unschedulableTaint]);
});
