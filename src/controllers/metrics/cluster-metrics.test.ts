import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { seededRandom } from "#base/random.ts";
import { Informers } from "#client/informers.ts";
import { jobs, nodes, persistentVolumeClaims } from "#client/kinds.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi } from "#testing/test-api.ts";
import { exposeCluster } from "./cluster-metrics.ts";

const { signal } = new AbortController();

test("exposeCluster: nodes by zone, claims by class, jobs that end", async () => {
  await using api = await openTestApi(systemClock);
  const { client } = api;
  const world = { clock: systemClock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers({ client, ...world });
  const metrics = new MetricRegistry();
  using stack = new DisposableStack();
  stack.use(exposeCluster(metrics, informers));
  const labels = { "topology.kubernetes.io/zone": "z" };
  await client.create(nodes, { metadata: { name: "a", labels } }, {}, signal);
  const ready = { conditions: [{ type: "Ready", status: "True" }] };
  await client.create(nodes, { metadata: { name: "b", labels }, status: ready }, {}, signal);
  const claim = {
    metadata: { name: "c", namespace: "default" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "fast",
    },
  };
  await client.create(persistentVolumeClaims, claim, {}, signal);
  const template = {
    spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" },
  };
  const at = { namespace: "default", name: "j" };
  await client.create(jobs, { metadata: at, spec: { template } }, {}, signal);
  await informers.of(jobs).synced(signal);
  await eventually(() => {
    assert.equal(informers.of(jobs).list().length, 1);
  });
  const startTime = "2026-01-01T00:00:00Z";
  const condition = { status: "True", reason: "CompletionsReached", message: "" };
  const conditions = [
    { type: "SuccessCriteriaMet", ...condition },
    { type: "Complete", ...condition },
  ];
  const body = { status: { startTime, completionTime: startTime, succeeded: 1, conditions } };
  const patch = { type: "merge", body } as const;
  await client.patch(jobs, { ...at, subresource: "status" }, patch, signal);
  await eventually(async () => {
    const text = await metrics.render();
    for (const line of [
      'node_collector_zone_size{zone="/z"} 2',
      'node_collector_unhealthy_nodes_in_zone{zone="/z"} 1',
      'node_collector_zone_health{zone="/z"} 50',
      'pv_collector_unbound_pvc_count{namespace="default",storage_class="fast"} 1',
      'job_controller_jobs_finished_total{completion_mode="NonIndexed",result="succeeded",reason="CompletionsReached"} 1',
    ]) {
      assert(text.includes(`${line}\n`), `${line} in ${text}`);
    }
  });
});
