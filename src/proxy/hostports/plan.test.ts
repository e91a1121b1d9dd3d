import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerPort, Pod, PodSpec } from "#api/gen/types.ts";
import { projectPod } from "#proxy/watched-pods.ts";
import { planHostPorts } from "./plan.ts";

function pod(ports: readonly ContainerPort[], over: Partial<PodSpec> = {}, phase = "Running"): Pod {
  return {
    metadata: { namespace: "default", name: "web", uid: "u" },
    spec: { nodeName: "n1", containers: [{ name: "c", ports }], ...over },
    status: { phase, podIP: "10.244.0.5", podIPs: [{ ip: "fd00::5" }, { ip: "10.244.0.5" }] },
  };
}

/** Each element as `set: key -> value`. */
function elementsOf(of: Pod): string[] {
  const plan = planHostPorts(of);
  return [...(plan?.fragment.elements ?? [])]
    .flatMap(([set, values]) => [...values].map(([key, value]) => `${set}: ${key} -> ${value}`))
    .filter((it) => !it.startsWith("hairpin"));
}

const http: ContainerPort = { containerPort: 80, hostPort: 8080, protocol: "TCP" };

const cases: readonly {
  readonly name: string;
  readonly pod: Pod;
  readonly want: readonly string[];
  readonly usesLoopback?: boolean;
}[] = [
  {
    name: "a port at every address",
    pod: pod([http]),
    want: ["anywhere: tcp . 8080 -> 10.244.0.5 . 80"],
    usesLoopback: true,
  },
  {
    name: "a port at one address",
    pod: pod([{ ...http, hostIP: "192.168.1.2" }]),
    want: ["at: 192.168.1.2 . tcp . 8080 -> 10.244.0.5 . 80"],
    usesLoopback: false,
  },
  {
    name: "a port of the loopback",
    pod: pod([{ ...http, hostIP: "127.0.0.1" }]),
    want: ["at: 127.0.0.1 . tcp . 8080 -> 10.244.0.5 . 80"],
    usesLoopback: true,
  },
  {
    name: "other protocols, and the one that is meant by none",
    pod: pod([
      { ...http, protocol: "UDP" },
      { ...http, protocol: "SCTP", hostIP: "0.0.0.0" },
      { containerPort: 81, hostPort: 81 },
    ]),
    want: [
      "anywhere: udp . 8080 -> 10.244.0.5 . 80",
      "anywhere: sctp . 8080 -> 10.244.0.5 . 80",
      "anywhere: tcp . 81 -> 10.244.0.5 . 81",
    ],
  },
  {
    name: "a sidecar's port, and none of an init container",
    pod: pod([], {
      initContainers: [
        { name: "i", ports: [{ ...http, hostPort: 1 }] },
        { name: "s", restartPolicy: "Always", ports: [{ ...http, hostPort: 2 }] },
      ],
    }),
    want: ["anywhere: tcp . 2 -> 10.244.0.5 . 80"],
  },
  { name: "an address of IPv6", pod: pod([{ ...http, hostIP: "::1" }]), want: [] },
  { name: "no host port", pod: pod([{ containerPort: 80 }]), want: [] },
  { name: "the node's own network", pod: pod([http], { hostNetwork: true }), want: [] },
  { name: "a pod that has ended", pod: pod([http], {}, "Succeeded"), want: [] },
  { name: "a pod without an address", pod: { ...pod([http]), status: {} }, want: [] },
];

for (const { name, pod: given, want, usesLoopback } of cases) {
  test(`planHostPorts: ${name}`, () => {
    assert.deepEqual(elementsOf(given), want);
    // What the informer keeps of a pod is enough.
    assert.deepEqual(planHostPorts(projectPod(given)), planHostPorts(given));
    if (usesLoopback !== undefined) {
      assert.equal(planHostPorts(given)?.usesLoopback, usesLoopback);
    }
  });
}

test("planHostPorts: flows of UDP have one end that is right", () => {
  const udp = { ...http, protocol: "UDP" };
  assert.deepEqual(planHostPorts(pod([http, udp, { ...udp, hostIP: "10.0.0.1" }]))?.flows, [
    { port: 8080, addresses: [], nodePort: 8080, endpoints: ["10.244.0.5:80"] },
    { port: 8080, addresses: ["10.0.0.1"], nodePort: 0, endpoints: ["10.244.0.5:80"] },
  ]);
});
