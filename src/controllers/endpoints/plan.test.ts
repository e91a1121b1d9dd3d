import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointSlice, Pod, Service } from "#api/gen/types.ts";
import { endpointSubsets } from "./legacy.ts";
import { endpointsPerSliceMax, planSlices, type SliceStep } from "./plan.ts";

const service: Service = {
  metadata: { namespace: "d", name: "web", labels: { team: "x" } },
  spec: {
    clusterIP: "10.0.0.1",
    ipFamilies: ["IPv4"],
    ports: [{ name: "http", port: 80, targetPort: "web" }],
  },
};

/** `a:8080` is a ready pod `a` whose port `web` is 8080; then `unready deleting done noip`. */
function pod(text: string, index = 1): Pod {
  const [name = "", port] = (text.split(" ")[0] ?? "").split(":");
  const has = (attribute: string): boolean => text.includes(` ${attribute}`);
  return {
    metadata: {
      namespace: "d",
      name,
      uid: name,
      ...(has("deleting") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: {
      nodeName: "n1",
      hostname: name,
      subdomain: "web",
      containers: [
        {
          name: "c",
          ports: port === undefined ? [] : [{ name: "web", containerPort: Number(port) }],
        },
      ],
    },
    status: {
      phase: has("done") ? "Succeeded" : "Running",
      podIPs: has("noip") ? [] : [{ ip: `10.1.${index >> 8}.${index & 255}` }, { ip: "fd00::1" }],
      conditions: [{ type: "Ready", status: has("unready") ? "False" : "True" }],
    },
  };
}

function plan(pods: readonly Pod[], slices: readonly EndpointSlice[], of = service): SliceStep[] {
  return planSlices({ service: of, pods, zones: new Map([["n1", "z1"]]), slices });
}

let serial = 0;

/** The slices after the steps. */
function applied(slices: readonly EndpointSlice[], steps: readonly SliceStep[]): EndpointSlice[] {
  const next = new Map(slices.map((it) => [it.metadata?.name ?? "", it]));
  for (const step of steps) {
    if (step.kind === "delete") {
      next.delete(step.slice.metadata?.name ?? "");
      continue;
    }
    const name =
      step.kind === "create" ? `s${String(serial++)}` : (step.slice.metadata?.name ?? "");
    const { addressType, endpoints, ports, labels } = step.content;
    next.set(name, { metadata: { name, labels }, addressType, endpoints, ports });
  }
  return [...next.values()];
}

test("planSlices: one endpoint, whole", () => {
  assert.deepEqual(plan([pod("a:8080")], []), [
    {
      kind: "create",
      content: {
        addressType: "IPv4",
        labels: {
          team: "x",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        endpoints: [
          {
            addresses: ["10.1.0.1"],
            conditions: { ready: true, serving: true, terminating: false },
            hostname: "a",
            nodeName: "n1",
            targetRef: { kind: "Pod", namespace: "d", name: "a", uid: "a" },
            zone: "z1",
          },
        ],
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      },
    },
  ]);
});

const conditions: [pod: string, publish: boolean, want: string][] = [
  ["a:1", false, "ready serving"],
  ["a:1 unready", false, ""],
  ["a:1 unready", true, "ready"],
  ["a:1 deleting", false, "serving terminating"],
  ["a:1 deleting unready", false, "terminating"],
  ["a:1 done", false, "none"],
  ["a:1 noip", false, "none"],
];

for (const [given, publish, want] of conditions) {
  test(`planSlices: [${given}]${publish ? " published" : ""} -> [${want}]`, () => {
    const of = { ...service, spec: { ...service.spec, publishNotReadyAddresses: publish } };
    const [step] = plan([pod(given)], [], of);
    assert.ok(step?.kind === "create");
    const [endpoint] = step.content.endpoints;
    const got = Object.entries(endpoint?.conditions ?? {})
      .filter(([, it]) => it === true)
      .map(([name]) => name);
    assert.equal(endpoint === undefined ? "none" : got.join(" "), want);
  });
}

const near: [distribution: string | undefined, want: unknown][] = [
  [undefined, undefined],
  ["PreferClose", { forZones: [{ name: "z1" }] }],
  ["PreferSameZone", { forZones: [{ name: "z1" }] }],
  ["PreferSameNode", { forZones: [{ name: "z1" }], forNodes: [{ name: "n1" }] }],
];

for (const [distribution, want] of near) {
  test(`planSlices: hints for the distribution ${distribution ?? "of everywhere"}`, () => {
    const of = { ...service, spec: { ...service.spec, trafficDistribution: distribution } };
    const [step] = plan([pod("a:1")], [], of);
    assert.ok(step?.kind === "create");
    assert.deepEqual(step.content.endpoints[0]?.hints, want);
    assert.deepEqual(plan([pod("a:1")], applied([], [step]), of), []);
  });
}

test("planSlices: pods with other ports have slices of their own", () => {
  const steps = plan([pod("a:1", 1), pod("b:2", 2), pod("c:1", 3), pod("d", 4)], []);
  const got = steps.map((it) =>
    it.kind === "create"
      ? `${it.content.ports.map((port) => port.port).join()}: ${it.content.endpoints.length}`
      : it.kind,
  );
  assert.deepEqual(got, ["1: 2", "2: 1", ": 1"]);
});

test("planSlices: one more pod changes one slice, also where another is full", () => {
  const pods = Array.from({ length: 150 }, (_, i) => pod(`p${i}:1`, i));
  const slices = applied([], plan(pods, []));
  assert.deepEqual(
    slices.map((it) => it.endpoints?.length),
    [100, 50],
  );
  const steps = plan([...pods, pod("new:1", 200)], slices);
  assert.deepEqual(
    steps.map((it) => it.kind),
    ["update"],
  );
});

test("planSlices: any change converges at once, within the size of a slice, nothing lost", () => {
  const index = fc.uniqueArray(fc.nat(400), { maxLength: 300 });
  fc.assert(
    fc.property(index, index, fc.nat(3), (before, after, shapes) => {
      const make = (i: number): Pod =>
        pod(`p${i}:${i % (shapes + 1)}${i % 7 === 0 ? " unready" : ""}`, i);
      const first = applied([], plan(before.map(make), []));
      const second = applied(first, plan(after.map(make), first));
      assert.deepEqual(plan(after.map(make), second), []);
      const found = second.flatMap((it) => it.endpoints ?? []).map((it) => it.targetRef?.name);
      assert.deepEqual(found.sort(), after.map((it) => `p${it}`).sort());
      for (const it of second) assert.ok((it.endpoints?.length ?? 0) <= endpointsPerSliceMax);
    }),
    { numRuns: 40 },
  );
});

test("endpointSubsets: ready and not ready apart, terminating left out", () => {
  const pods = ["b:1", "a:1 unready", "c:1 deleting", "d:1 done"].map((it, i) => pod(it, i + 1));
  const subsets = endpointSubsets(service, pods);
  assert.deepEqual(
    subsets.map((it) => [
      it.addresses?.map((address) => address.targetRef?.name),
      it.notReadyAddresses?.map((address) => address.targetRef?.name),
      it.ports,
    ]),
    [[["b"], ["a"], [{ name: "http", port: 1, protocol: "TCP" }]]],
  );
});
