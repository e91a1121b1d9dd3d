import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { configMaps, deployments, namespaces, pods, resourceQuotas } from "#client/kinds.ts";
import { runControllers } from "#controllers/list.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi, type TestApi } from "#testing/test-api.ts";
import { resourceQuotaController } from "./controller.ts";

const never = new AbortController().signal;
const waitMs = 30_000;
let testApi: TestApi;
let client: Client;
let running: AsyncDisposable;
let namespace = "";
let serial = 0;

before(async () => {
  testApi = await openTestApi(systemClock);
  client = testApi.client;
  const ports = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  const informers = new Informers(ports);
  const tasks = new TaskGroup((error) => assert.fail(String(error)));
  tasks.start((signal) =>
    runControllers({ ...ports, clientOf: () => client, informers, rootCa: "PEM" }, signal, [
      { account: "resourcequota-controller", make: resourceQuotaController },
    ]),
  );
  running = {
    async [Symbol.asyncDispose]() {
      await tasks[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
});
after(async () => {
  await running[Symbol.asyncDispose]();
  await testApi[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = `quota-${serial++}`;
  await client.create(namespaces, { metadata: { name: namespace } }, {}, never);
});

async function quota(hard: Record<string, string>): Promise<void> {
  const metadata = { namespace, name: "q" };
  await client.create(resourceQuotas, { metadata, spec: { hard } }, {}, never);
}

async function used(want: Record<string, string>): Promise<void> {
  await eventually(async () => {
    const found = await client.get(resourceQuotas, { namespace, name: "q" }, never);
    assert.deepEqual(found.status?.used, want);
  }, waitMs);
}

/** How many of so many config maps, made at once, there was room for. */
async function createMaps(prefix: string, count: number): Promise<number> {
  const made = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      try {
        const metadata = { namespace, name: `${prefix}-${i}` };
        await client.create(configMaps, { metadata }, {}, never);
        return 1;
      } catch (error) {
        assert.ok(isStatus(error, "Forbidden"), String(error));
        return 0;
      }
    }),
  );
  return made.filter((it) => it === 1).length;
}

test("a quota has room for so many, again and again, whoever comes at once", async () => {
  await quota({ configmaps: "10" });
  await used({ configmaps: "0" });
  let there = 0;
  for (const round of ["a", "b", "c"]) {
    there += await createMaps(round, 30);
    assert.equal(there, 10);
    const { items } = await client.list(configMaps, { namespace }, never);
    assert.equal(items.length, 10);
    await used({ configmaps: "10" });
    for (const it of items.slice(0, 4)) {
      await client.delete(configMaps, { namespace, name: it.metadata?.name ?? "" }, {}, never);
    }
    there -= 4;
    await used({ configmaps: "6" });
  }
});

test("a quota for what is there already counts it, and another limit is counted at once", async () => {
  const spec = {
    selector: { matchLabels: { a: "b" } },
    template: {
      metadata: { labels: { a: "b" } },
      spec: { containers: [{ name: "c", image: "i" }] },
    },
  };
  for (const name of ["one", "two"]) {
    await client.create(deployments, { metadata: { namespace, name }, spec }, {}, never);
  }
  await quota({ "count/deployments.apps": "1" });
  await used({ "count/deployments.apps": "2" });
  const body = { spec: { hard: { "count/deployments.apps": "3", pods: "1" } } };
  await client.patch(resourceQuotas, { namespace, name: "q" }, { type: "strategic", body }, never);
  await used({ "count/deployments.apps": "2", pods: "0" });
});

test("a pod that has ended is paid for no more, and its object is counted until it goes", async () => {
  await quota({ pods: "1", "count/pods": "2", "requests.cpu": "2" });
  await used({ pods: "0", "count/pods": "0", "requests.cpu": "0" });
  const resources = { requests: { cpu: "1500m" } };
  const pod: Pod = {
    metadata: { namespace, name: "p" },
    spec: { containers: [{ name: "c", image: "i", resources }] },
  };
  const made = await client.create(pods, pod, {}, never);
  await used({ pods: "1", "count/pods": "1", "requests.cpu": "1500m" });
  await client.updateStatus(pods, { ...made, status: { phase: "Succeeded" } }, never);
  await used({ pods: "0", "count/pods": "1", "requests.cpu": "0" });
  await client.delete(pods, { namespace, name: "p" }, { gracePeriodSeconds: 0 }, never);
  await used({ pods: "0", "count/pods": "0", "requests.cpu": "0" });
});

test("a status that somebody else has written is made right", async () => {
  await quota({ configmaps: "5" });
  await used({ configmaps: "0" });
  await eventually(async () => {
    const found = await client.get(resourceQuotas, { namespace, name: "q" }, never);
    const status = { hard: { configmaps: "50" }, used: { configmaps: "40" } };
    await client.updateStatus(resourceQuotas, { ...found, status }, never);
  }, waitMs);
  await used({ configmaps: "0" });
});
