import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { ProxyMetrics } from "#proxy/metrics.ts";
import { NftTable } from "./table.ts";

test("NftTable: transactions and failures are measured, from the oldest change on", async () => {
  const clock = new FakeClock();
  const registry = new MetricRegistry();
  const metrics = new ProxyMetrics(registry, clock);
  const stop = new AbortController();
  let failures = 1;
  const table = new NftTable({
    table: { name: "t", base: "" },
    nft: {
      apply: async () => {
        await clock.advance(50);
        if (failures-- > 0) throw new Error("no");
      },
    },
    plan: () => undefined,
    metrics,
    clock,
    log: silentLogger,
  });
  metrics.changed("service");
  metrics.changed("endpoint");
  const running = table.run(stop.signal);
  for (let i = 0; i < 20; i++) await clock.advance(20);
  const text = await registry.render();
  for (const line of [
    'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
    'kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.032"} 0',
    'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1',
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 1',
    "kubeproxy_sync_proxy_rules_service_changes_total 1",
    "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0",
  ]) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
  stop.abort(new Error("test over"));
  await running;
});
