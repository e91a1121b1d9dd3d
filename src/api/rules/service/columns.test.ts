import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor } from "#testing/kind-table.ts";

const now = Date.UTC(2026, 0, 1, 0, 5);
const metadata = { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" };
const ports = [{ port: 80, protocol: "TCP" }];

const cases: [what: string, service: JsonObject, want: string][] = [
  ["ClusterIP", { clusterIP: "10.0.0.1", ports }, "ClusterIP 10.0.0.1 <none> 80/TCP"],
  ["headless", { clusterIP: "None", clusterIPs: ["None"] }, "ClusterIP None <none> <none>"],
  [
    "NodePort",
    { type: "NodePort", clusterIP: "10.0.0.1", ports: [{ ...ports[0], nodePort: 30_000 }] },
    "NodePort 10.0.0.1 <none> 80:30000/TCP",
  ],
  [
    "LoadBalancer",
    { type: "LoadBalancer", clusterIP: "10.0.0.1", ports },
    "LoadBalancer 10.0.0.1 <pending> 80/TCP",
  ],
  ["ExternalName", { type: "ExternalName", externalName: "a.b" }, "ExternalName <none> a.b <none>"],
];

for (const [what, spec, want] of cases) {
  test(`columns of a service: ${what}`, () => {
    const service = { metadata, spec: { type: "ClusterIP", selector: { a: "b" }, ...spec } };
    const cells = strategyFor("", "services").cells(service, now);
    assert.equal(cells.map(String).join(" "), `a ${want} 5m a=b`);
  });
}

test("columns of endpoints and slices", () => {
  const address = { ip: "10.0.0.1" };
  const endpoints = { metadata, subsets: [{ addresses: [address], ports: [{ port: 80 }] }] };
  assert.deepEqual(strategyFor("", "endpoints").cells(endpoints, now), ["a", "10.0.0.1:80", "5m"]);
  const slice = {
    metadata,
    addressType: "IPv4",
    ports: [{ port: 80 }],
    endpoints: [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }],
  };
  const cells = strategyFor("discovery.k8s.io", "endpointslices").cells(slice, now);
  assert.deepEqual(cells, ["a", "IPv4", "80", "10.0.0.1,10.0.0.2", "5m"]);
});
