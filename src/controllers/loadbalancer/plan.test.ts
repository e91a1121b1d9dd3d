import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Node, Service, ServiceSpec } from "#api/gen/types.ts";
import { keyOf } from "#client/object-key.ts";
import { planLoadBalancers } from "./plan.ts";

/** `n1 192.168.0.1`, then `unready`, `excluded`, `external=5.5.5.5` as they apply. */
function node(text: string): Node {
  const [name = "", address = "", ...words] = text.split(" ");
  const external = words.find((it) => it.startsWith("external="))?.split("=")[1];
  const label = "node.kubernetes.io/exclude-from-external-load-balancers";
  return {
    metadata: { name, labels: words.includes("excluded") ? { [label]: "" } : {} },
    status: {
      addresses: [
        { type: "InternalIP", address },
        ...(external === undefined ? [] : [{ type: "ExternalIP", address: external }]),
      ],
      conditions: [{ type: "Ready", status: words.includes("unready") ? "Unknown" : "True" }],
    },
  };
}

/** A load balancer `d/<name>` on port 80. */
function service(name: string, spec: Partial<ServiceSpec> = {}, has: string[] = []): Service {
  return {
    metadata: { namespace: "d", name, creationTimestamp: `2026-01-01T00:00:0${name.length}Z` },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: has.map((ip) => ({ ip })) } },
  };
}

const slices: EndpointSlice[] = [
  {
    addressType: "IPv4",
    endpoints: [
      { addresses: ["10.244.0.2"], nodeName: "n2", conditions: { ready: true } },
      { addresses: ["10.244.1.2"], nodeName: "n1", conditions: { ready: false } },
    ],
  },
];

const two = ["n1 192.168.0.1", "n2 192.168.0.2"];
function taken(port: string, by: string): string {
  return `Error syncing load balancer: port ${port} of the nodes is taken by ${by}; choose another port`;
}

const cases: [what: string, nodes: string[], services: Service[], want: string[]][] = [
  ["every ready node", two, [service("a")], ["d/a: 192.168.0.1 192.168.0.2"]],
  ["nothing to do", two, [service("a", {}, ["192.168.0.1", "192.168.0.2"])], []],
  [
    "lost and excluded nodes",
    ["n1 192.168.0.1 unready", "n2 192.168.0.2 excluded", "n3 192.168.0.3 external=5.5.5.5"],
    [service("a", {}, ["192.168.0.1"])],
    ["d/a: 5.5.5.5"],
  ],
  ["policy Local", two, [service("a", { externalTrafficPolicy: "Local" })], ["d/a: 192.168.0.2"]],
  ["a wish", two, [service("a", { loadBalancerIP: "192.168.0.2" })], ["d/a: 192.168.0.2"]],
  [
    "a wish that cannot be met",
    two,
    [service("a", { loadBalancerIP: "1.2.3.4" })],
    ["d/a: 192.168.0.1 192.168.0.2"],
  ],
  ["another class", two, [service("a", { loadBalancerClass: "x.example/y" })], []],
  ["no longer a load balancer", two, [service("a", { type: "NodePort" }, ["1.1.1.1"])], ["d/a: "]],
  [
    "two with one port: the older",
    two.slice(0, 1),
    [service("bb"), service("a")],
    ["d/a: 192.168.0.1", taken("tcp/80", "d/a")],
  ],
  [
    "two with one port: who has it",
    two.slice(0, 1),
    [service("bb", {}, ["192.168.0.1"]), service("a")],
    [taken("tcp/80", "d/bb")],
  ],
  [
    "one number, two protocols",
    two.slice(0, 1),
    [service("a"), service("bb", { ports: [{ port: 80, protocol: "UDP" }] })],
    ["d/a: 192.168.0.1", "d/bb: 192.168.0.1"],
  ],
  [
    "a port of the cluster",
    two,
    [service("a", { ports: [{ port: 6443 }] })],
    [taken("tcp/6443", "the cluster itself")],
  ],
];

for (const [what, nodes, services, want] of cases) {
  test(`planLoadBalancers: ${what}`, () => {
    const reserved = new Set(["tcp/6443"]);
    const input = { services, nodes: nodes.map(node), slicesOf: () => slices, reserved };
    const got = planLoadBalancers(input).map((it) =>
      it.kind === "conflict" ? it.message : `${keyOf(it.service)}: ${it.addresses.join(" ")}`,
    );
    assert.deepEqual(got, want);
  });
}
