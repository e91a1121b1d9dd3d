import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint, EndpointSlice, Service, ServiceSpec } from "#api/gen/types.ts";
import { planService, type ServicePlan } from "./plan.ts";

const node = { name: "n1", zone: "z1" };
const podRange = "10.244.0.0/16";

function service(spec: Partial<ServiceSpec> = {}, ingress: readonly string[] = []): Service {
  return {
    metadata: { namespace: "d", name: "web" },
    spec: { clusterIP: "10.96.0.5", ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
  };
}

/** `2@n1 ready`: 10.244.0.2 on n1; `ready serving terminating`, `zone=z1`, `node=n1` as they apply. */
function endpoint(text: string): Endpoint {
  const [place = "", ...words] = text.split(" ");
  const [last = "", nodeName] = place.split("@");
  const hint = (kind: string) =>
    words.filter((it) => it.startsWith(`${kind}=`)).map((it) => ({ name: it.split("=")[1] ?? "" }));
  return {
    addresses: [`10.244.0.${last}`],
    ...(nodeName === undefined ? {} : { nodeName }),
    conditions: {
      ready: words.includes("ready"),
      serving: words.includes("ready") || words.includes("serving"),
      terminating: words.includes("terminating"),
    },
    hints: { forZones: hint("zone"), forNodes: hint("node") },
  };
}

function slice(...endpoints: readonly string[]): EndpointSlice {
  return {
    addressType: "IPv4",
    endpoints: endpoints.map(endpoint),
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
  };
}

function plan(of: Service, ...slices: readonly EndpointSlice[]): ServicePlan | undefined {
  return planService({ service: of, slices, node, podRange });
}

/** The plan a line for each thing, short. */
function lines(of: ServicePlan | undefined): string[] {
  if (of === undefined) return ["nothing"];
  const { chains, elements, sets } = of.fragment;
  return [
    ...[...chains].flatMap(([name, rules]) => rules.map((it) => `${name}: ${it}`)),
    ...[...sets].map(([name, definition]) => `${name}: ${definition}`),
    ...[...elements]
      .filter(([set]) => set !== "cluster-ips" && set !== "hairpin")
      .flatMap(([set, values]) => [...values].map(([key, value]) => `${set}: ${key}: ${value}`)),
  ];
}

/** The endpoints that a chain of the plan hands connections to. */
function targets(of: ServicePlan | undefined, chain: string): string {
  const rules = of?.fragment.chains.get(`${chain}/d/web/tcp/80`)?.join(" ") ?? "";
  return [...rules.matchAll(/10\.244\.0\.(\d+)(?= \. |:)/g)].map((it) => it[1]).join(" ");
}

const mark = "meta mark set meta mark | 0x4000";
const inside = `svc/d/web/tcp/80: ip saddr != 10.244.0.0/16 ${mark}`;
const open = { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] };
const balanced = { type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] };

const whole: [what: string, of: Service, slices: EndpointSlice[], want: string[]][] = [
  [
    "one endpoint",
    service(),
    [slice("2@n1 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to 10.244.0.2:8080",
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
    ],
  ],
  [
    "two endpoints",
    service(),
    [slice("3@n2 ready", "2@n1 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.0.3 . 8080 }",
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
    ],
  ],
  ["no endpoints", service(), [], ["refused-ips: 10.96.0.5 . tcp . 80: goto refuse"]],
  [
    "no endpoints, open to the outside",
    service({ ...balanced, externalIPs: ["5.5.5.5"] }, ["6.6.6.6"]),
    [slice("2@n1")],
    [
      "refused-ips: 10.96.0.5 . tcp . 80: goto refuse",
      "refused-ips: 5.5.5.5 . tcp . 80: goto refuse",
      "refused-ips: 6.6.6.6 . tcp . 80: goto refuse",
      "refused-ports: tcp . 30080: goto refuse",
    ],
  ],
  [
    "a node port",
    service(open),
    [slice("2@n1 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to 10.244.0.2:8080",
      `ext/d/web/tcp/80: ${mark} goto svc/d/web/tcp/80`,
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
      "node-ports: tcp . 30080: goto ext/d/web/tcp/80",
    ],
  ],
  [
    "external policy Local",
    service({ ...open, externalTrafficPolicy: "Local" }),
    [slice("2@n1 ready", "3@n2 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.0.3 . 8080 }",
      "ext/d/web/tcp/80: ip saddr 10.244.0.0/16 goto svc/d/web/tcp/80",
      `ext/d/web/tcp/80: fib saddr type local ${mark} goto svc/d/web/tcp/80`,
      "ext/d/web/tcp/80: meta l4proto tcp dnat ip to 10.244.0.2:8080",
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
      "node-ports: tcp . 30080: goto ext/d/web/tcp/80",
    ],
  ],
  [
    "external policy Local, endpoints on other nodes only: dropped, but not for the node and its pods",
    service({ ...open, externalTrafficPolicy: "Local" }),
    [slice("3@n2 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to 10.244.0.3:8080",
      "ext/d/web/tcp/80: ip saddr 10.244.0.0/16 goto svc/d/web/tcp/80",
      `ext/d/web/tcp/80: fib saddr type local ${mark} goto svc/d/web/tcp/80`,
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
      "refused-ports: tcp . 30080: drop",
      "node-ports: tcp . 30080: goto ext/d/web/tcp/80",
    ],
  ],
  [
    "internal policy Local, endpoints on other nodes only",
    service({ internalTrafficPolicy: "Local" }),
    [slice("3@n2 ready")],
    ["refused-ips: 10.96.0.5 . tcp . 80: drop"],
  ],
  [
    "internal policy Local, open to the outside",
    service({ ...open, internalTrafficPolicy: "Local" }),
    [slice("2@n1 ready", "3@n2 ready")],
    [
      inside,
      "svc/d/web/tcp/80: meta l4proto tcp dnat ip to 10.244.0.2:8080",
      "any/d/web/tcp/80: meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.0.3 . 8080 }",
      `ext/d/web/tcp/80: ${mark} goto any/d/web/tcp/80`,
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
      "node-ports: tcp . 30080: goto ext/d/web/tcp/80",
    ],
  ],
  [
    "a load balancer for some sources, overlapping ones joined",
    service({ ...balanced, loadBalancerSourceRanges: ["9.0.0.0/8", "9.1.0.0/16", "fd00::/8"] }, [
      "6.6.6.6",
    ]),
    [],
    [
      "fw/d/web/tcp/80: ip saddr != { 9.0.0.0-9.255.255.255 } drop",
      "firewalls: 6.6.6.6 . tcp . 80: goto fw/d/web/tcp/80",
      "refused-ips: 10.96.0.5 . tcp . 80: goto refuse",
      "refused-ips: 6.6.6.6 . tcp . 80: goto refuse",
      "refused-ports: tcp . 30080: goto refuse",
    ],
  ],
  [
    "clients that stay",
    service({
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    }),
    [slice("2@n1 ready")],
    [
      "dst/d/web/tcp/80/10.244.0.2/8080: update @aff/d/web/tcp/80/10.244.0.2/8080/60 { ip saddr }",
      "dst/d/web/tcp/80/10.244.0.2/8080: meta l4proto tcp dnat ip to 10.244.0.2:8080",
      inside,
      "svc/d/web/tcp/80: ip saddr @aff/d/web/tcp/80/10.244.0.2/8080/60 goto dst/d/web/tcp/80/10.244.0.2/8080",
      "svc/d/web/tcp/80: numgen random mod 1 vmap { 0 : goto dst/d/web/tcp/80/10.244.0.2/8080 }",
      "aff/d/web/tcp/80/10.244.0.2/8080/60: type ipv4_addr; flags dynamic,timeout; timeout 60s; size 65536;",
      "service-ips: 10.96.0.5 . tcp . 80: goto svc/d/web/tcp/80",
    ],
  ],
  ["a headless service", service({ clusterIP: "None" }), [slice("2@n1 ready")], ["nothing"]],
  ["an ExternalName", service({ type: "ExternalName", clusterIP: "" }), [], ["nothing"]],
];

for (const [what, of, slices, want] of whole) {
  test(`planService: ${what}`, () => {
    assert.deepEqual(lines(plan(of, ...slices)), want);
  });
}

const chosen: [endpoints: string[], cluster: string, local: string][] = [
  [["2@n1 ready", "3@n2 ready", "4@n1"], "2 3", "2"],
  [["2@n1 serving terminating", "3@n2 ready"], "3", "2"],
  [["2@n1 serving terminating", "3@n2 serving terminating", "4@n1"], "2 3", "2"],
  [["2@n1 serving"], "", ""],
  [["2@n1 terminating"], "", ""],
  [["2@n1 ready zone=z1", "3@n2 ready zone=z2"], "2", "2"],
  [["2@n1 ready", "3@n2 ready zone=z1"], "2 3", "2"],
  [["2@n2 ready zone=z2", "3@n2 ready zone=z2"], "2 3", ""],
  [["2@n1 ready node=n1 zone=z1", "3@n2 ready node=n2 zone=z1"], "2", "2"],
  [["2@n3 ready node=n3 zone=z1", "3@n2 ready node=n2 zone=z2"], "2", ""],
];

for (const [endpoints, cluster, local] of chosen) {
  test(`planService: of [${endpoints.join(", ")}] anywhere [${cluster}], here [${local}]`, () => {
    assert.equal(targets(plan(service(), slice(...endpoints)), "svc"), cluster);
    const here = service({ internalTrafficPolicy: "Local" });
    assert.equal(targets(plan(here, slice(...endpoints)), "svc"), local);
  });
}

test("planService: ports are matched by name and protocol, over several slices", () => {
  const of = service({
    ports: [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, protocol: "TCP" },
    ],
  });
  const ports = [
    { name: "dns", port: 1053, protocol: "UDP" },
    { name: "dns-tcp", port: 2053, protocol: "TCP" },
  ];
  const one = { ...slice("2@n1 ready"), ports };
  const two = { ...slice("3@n1 ready", "2@n1"), ports: ports.slice(0, 1) };
  const { chains } = plan(of, one, two)?.fragment ?? {};
  assert.equal(
    chains?.get("svc/d/web/udp/53")?.[1],
    "meta l4proto udp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 1053, 1 : 10.244.0.3 . 1053 }",
  );
  assert.equal(chains.get("svc/d/web/tcp/53")?.[1], "meta l4proto tcp dnat ip to 10.244.0.2:2053");
});

test("planService: what UDP flows and load balancers ask for", () => {
  const udp = service({
    ...balanced,
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 31000,
    ports: [{ port: 80, nodePort: 30080, protocol: "UDP" }],
  });
  const slices = { ...slice("2@n1 ready", "3@n2 ready"), ports: [{ port: 8080, protocol: "UDP" }] };
  const { flows, healthCheck } = plan(udp, slices) ?? {};
  assert.deepEqual(flows, [
    {
      port: 80,
      addresses: ["10.96.0.5"],
      nodePort: 30080,
      endpoints: ["10.244.0.2:8080", "10.244.0.3:8080"],
    },
  ]);
  assert.deepEqual(healthCheck, { port: 31000, namespace: "d", name: "web", localEndpoints: 1 });
});

test("planService: whatever the service, every verdict leads to a chain with a rule", () => {
  const words = fc.subarray(["ready", "serving", "terminating", "zone=z1", "node=n1"]);
  const some = fc
    .tuple(fc.integer({ min: 2, max: 9 }), fc.constantFrom("n1", "n2"), words)
    .map(([last, at, it]) => `${last}@${at} ${it.join(" ")}`);
  const specs = fc.record({
    type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer"),
    ports: fc.constantFrom([{ port: 80 }], [{ port: 80, nodePort: 30080 }]),
    externalIPs: fc.subarray(["5.5.5.5"]),
    internalTrafficPolicy: fc.constantFrom("Cluster", "Local"),
    externalTrafficPolicy: fc.constantFrom("Cluster", "Local"),
    sessionAffinity: fc.constantFrom("None", "ClientIP"),
    loadBalancerSourceRanges: fc.subarray(["9.0.0.0/8", "0.0.0.0/0"]),
  });
  fc.assert(
    fc.property(specs, fc.array(some, { maxLength: 6 }), (spec, endpoints) => {
      const made = plan(service(spec, ["6.6.6.6"]), slice(...endpoints));
      assert.ok(made !== undefined);
      const { chains, sets, elements } = made.fragment;
      const verdicts = [...elements.values()].flatMap((it) => [...it.values()]);
      const rules = [...chains.values()].flat();
      for (const [, chain = ""] of [...verdicts, ...rules].join("\n").matchAll(/goto ([^\s,]+)/g)) {
        const found = chain === "refuse" ? ["reject"] : chains.get(chain);
        assert.ok((found?.length ?? 0) > 0, `${chain} in ${rules.join("\n")}`);
      }
      for (const [, set = ""] of rules.join("\n").matchAll(/@(\S+)/g)) assert.ok(sets.has(set));
      const served = elements.get("service-ips")?.has("10.96.0.5 . tcp . 80") === true;
      const refused = elements.get("refused-ips")?.has("10.96.0.5 . tcp . 80") === true;
      assert.notEqual(served, refused);
    }),
  );
});
