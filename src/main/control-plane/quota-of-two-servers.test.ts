import assert from "node:assert/strict";
import { test } from "node:test";
import { isStatus } from "#api/status.ts";
import { systemClock } from "#base/clock.ts";
import { configMaps, namespaces, resourceQuotas } from "#client/kinds.ts";
import { MemoryStore } from "#store/memory.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi } from "#testing/test-api.ts";

const never = new AbortController().signal;
const room = 25;

test("resourceQuotas: two servers over one store give away what there is, and no more", async () => {
  await using store = new MemoryStore(systemClock);
  await using left = await openTestApi(systemClock, undefined, store);
  await using right = await openTestApi(systemClock, undefined, store);
  const at = { namespace: "n", name: "q" };
  const hard = { configmaps: String(room), "count/configmaps": "1000" };
  const status = { hard, used: { configmaps: "0", "count/configmaps": "0" } };
  await left.client.create(namespaces, { metadata: { name: "n" } }, {}, never);
  const made = await left.client.create(
    resourceQuotas,
    { metadata: at, spec: { hard } },
    {},
    never,
  );
  await left.client.updateStatus(resourceQuotas, { ...made, status }, never);
  await eventually(() => {
    assert.ok(right.api.objects.get("resourcequotas", "", "n", "q")?.["status"] !== undefined);
    assert.ok(right.api.objects.get("namespaces", "", "", "n") !== undefined);
  });

  const outcomes = await Promise.all(
    Array.from({ length: 4 * room }, async (_, i) => {
      const { client } = i % 2 === 0 ? left : right;
      try {
        const metadata = { namespace: "n", name: `c-${i}` };
        await client.create(configMaps, { metadata }, {}, never);
        return "made";
      } catch (error) {
        assert.ok(isStatus(error, "Forbidden"), String(error));
        return "refused";
      }
    }),
  );
  assert.equal(outcomes.filter((it) => it === "made").length, room);
  const { items } = await left.client.list(configMaps, { namespace: "n" }, never);
  assert.equal(items.length, room);
  const quota = await left.client.get(resourceQuotas, at, never);
  assert.equal(quota.status?.used?.["configmaps"], String(room));
});
