import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from "#api/gen/types.ts";
import type { Fragment } from "#proxy/nft/fragment.ts";
import { formatAddress, parseAddress, parseBlock } from "#proxy/ipv4.ts";
import { planPolicies } from "./plan.ts";
import { projectPod } from "#proxy/watched-pods.ts";
import { policyPod, type PolicyPod } from "./policy-pod.ts";

const nodeRange = "10.244.0.0/24";
const dnsAddress = "10.96.0.10";
/** Where the node's DNS listens, to which questions are led. */
const nodeDns = { address: "192.168.0.2", port: 10053 };

/** `d/web-1 app=web http=8080`: in namespace d, on n1; the last number is its address's. */
function pod(text: string, index: number): PolicyPod {
  const [key = "", ...words] = text.split(" ");
  const [namespace = ""] = key.split("/");
  const pairs = words.map((it) => it.split("=") as [string, string]);
  const isPort = ([name]: [string, string]): boolean => name === "http" || name === "dns";
  return {
    key,
    namespace,
    labels: Object.fromEntries(pairs.filter((it) => !isPort(it))),
    address: `10.244.0.${index}`,
    nodeName: words.includes("away") ? "n2" : "n1",
    namedPorts: new Map(
      pairs.filter(isPort).map(([name, number]) => [`tcp/${name}`, Number(number)]),
    ),
  };
}

const namespaces = new Map([
  ["d", { team: "blue" }],
  ["e", { team: "red" }],
  ["kube-system", { "kubernetes.io/metadata.name": "kube-system" }],
]);

const pods = [
  "d/web app=web http=8080",
  "d/db app=db",
  "e/web app=web http=9090",
  "e/tool app=tool",
].map((it, index) => pod(it, index + 1));

function policy(spec: NetworkPolicySpec, namespace = "d", name = "p"): NetworkPolicy {
  return { metadata: { namespace, name }, spec };
}

function plan(...policies: readonly NetworkPolicy[]): Fragment {
  return planPolicies({ policies, pods, namespaces, nodeName: "n1", nodeRange, dnsAddress });
}

interface Packet {
  readonly from: string;
  readonly to: string;
  readonly transport: string;
  readonly port: number;
  /** Before it was led elsewhere. */
  readonly sentTo: string;
}

/** What nft would say: the small part of its language that the plan uses. */
class Interpreter {
  readonly #fragment: Fragment;

  constructor(fragment: Fragment) {
    this.#fragment = fragment;
  }

  passes(packet: Packet): boolean {
    const { from, to } = packet;
    if (this.#has("self", `${from} . ${to}`)) return true;
    return this.#leaves("outward", from, packet) && this.#leaves("inward", to, packet);
  }

  #leaves(map: string, address: string, packet: Packet): boolean {
    const verdict = this.#fragment.elements.get(map)?.get(address);
    if (verdict === undefined) return true;
    const rules = this.#fragment.chains.get(verdict.replace("jump ", ""));
    assert.ok(rules !== undefined, `${verdict} leads nowhere`);
    for (const rule of rules) {
      const [, match = "", end = ""] = /^(.*?) ?(return|drop)$/.exec(rule) ?? [];
      if (this.#matches(match, packet)) return end === "return";
    }
    return true;
  }

  #matches(text: string, packet: Packet): boolean {
    let rest = text;
    for (;;) {
      if (rest === "") return true;
      const found =
        /^(ct original ip daddr|ip [sd]addr|tcp dport|udp dport|meta l4proto)( \. meta l4proto \. th dport)? (\{[^}]*\}|\S+) ?/.exec(
          rest,
        );
      assert.ok(found !== null, `not understood: ${rest}`);
      const [whole, field = "", joined, value = ""] = found;
      const address = this.#address(field, packet);
      const isOf = this.#isOf(field, value, packet, address, joined !== undefined);
      if (!isOf) return false;
      rest = rest.slice(whole.length);
    }
  }

  #address(field: string, { from, to, sentTo }: Packet): string {
    return field === "ip saddr" ? from : field === "ip daddr" ? to : sentTo;
  }

  #isOf(
    ...[field, value, packet, address, joined]: [string, string, Packet, string, boolean]
  ): boolean {
    if (field === "meta l4proto") return value === packet.transport;
    if (field.endsWith("dport")) {
      const [first = "", last = first] = value.split("-");
      const inRange = Number(first) <= packet.port && packet.port <= Number(last);
      return field.startsWith(packet.transport) && inRange;
    }
    const key = joined ? `${address} . ${packet.transport} . ${packet.port}` : address;
    if (value.startsWith("@")) {
      assert.ok(this.#fragment.sets.has(value.slice(1)), `no set ${value}`);
      return this.#has(value.slice(1), key);
    }
    const number = parseAddress(address) ?? -1;
    return value
      .replace(/[{} ]/g, "")
      .split(",")
      .some((range) => {
        const [first = "", last = first] = range.split("-");
        return (parseAddress(first) ?? 0) <= number && number <= (parseAddress(last) ?? 0);
      });
  }

  #has(set: string, key: string): boolean {
    return this.#fragment.elements.get(set)?.has(key) === true;
  }
}

/** By key of a pod, or an address. */
function addressOf(text: string): string {
  return pods.find((it) => it.key === text)?.address ?? text;
}

/** `d/web > d/db 80` or `… 53/udp`. */
function packet(text: string): Packet {
  const [from = "", , to = "", end = ""] = text.split(" ");
  const [port = "", transport = "tcp"] = end.split("/");
  const sentTo = addressOf(to);
  const common = { from: addressOf(from), transport, sentTo };
  return sentTo === dnsAddress && port === "53"
    ? { ...common, to: nodeDns.address, port: nodeDns.port }
    : { ...common, to: sentTo, port: Number(port) };
}

const appWeb = { matchLabels: { app: "web" } };

function inbound(ingress: NetworkPolicySpec["ingress"]): NetworkPolicySpec {
  return { podSelector: appWeb, policyTypes: ["Ingress"], ingress };
}

function outbound(egress: NetworkPolicySpec["egress"]): NetworkPolicySpec {
  return { podSelector: appWeb, policyTypes: ["Egress"], egress };
}

const red = { namespaceSelector: { matchLabels: { team: "red" } } };

const cases: [what: string, policies: NetworkPolicy[], allowed: string, denied: string][] = [
  ["no policy", [], "e/tool > d/web 80, d/web > 8.8.8.8 53/udp", ""],
  [
    "nothing comes in",
    [policy(inbound([]))],
    "d/web > d/web 80, d/web > d/db 80, d/db > e/web 80, e/tool > d/db 80",
    "d/db > d/web 80, 8.8.8.8 > d/web 80, d/db > d/web 53/udp",
  ],
  [
    "nothing goes out",
    [policy(outbound([]))],
    "d/db > d/web 80, d/web > d/web 80, e/web > 8.8.8.8 80",
    "d/web > d/db 80, d/web > 8.8.8.8 53/udp",
  ],
  [
    "types from the rules: in always, out with rules only",
    [policy({ podSelector: appWeb, egress: [{ ports: [{ port: 53, protocol: "UDP" }] }] })],
    "d/web > d/db 53/udp",
    "d/db > d/web 80, d/web > d/db 80, d/web > d/db 53",
  ],
  [
    "everybody may come in",
    [policy(inbound([{}]))],
    "8.8.8.8 > d/web 80, e/tool > d/web 1/udp",
    "",
  ],
  [
    "pods of the own namespace",
    [policy(inbound([{ from: [{ podSelector: { matchLabels: { app: "db" } } }] }]))],
    "d/db > d/web 80",
    "e/tool > d/web 80, 8.8.8.8 > d/web 80",
  ],
  [
    "all pods of other namespaces",
    [policy(inbound([{ from: [red] }]))],
    "e/tool > d/web 80, e/web > d/web 1/udp",
    "d/db > d/web 80",
  ],
  [
    "some pods of other namespaces",
    [policy(inbound([{ from: [{ ...red, podSelector: appWeb }] }]))],
    "e/web > d/web 80",
    "e/tool > d/web 80, d/db > d/web 80",
  ],
  [
    "either of two peers, one of two ports",
    [
      policy(
        inbound([
          {
            from: [{ podSelector: { matchLabels: { app: "db" } } }, red],
            ports: [{ port: 80 }, { port: 53, protocol: "UDP" }],
          },
        ]),
      ),
    ],
    "d/db > d/web 80, e/tool > d/web 53/udp",
    "d/db > d/web 81, e/tool > d/web 53, d/db > d/web 80/udp",
  ],
  [
    "a range of ports, and all of a protocol",
    [policy(inbound([{ ports: [{ port: 80, endPort: 90 }, { protocol: "UDP" }] }]))],
    "d/db > d/web 80, d/db > d/web 90, 8.8.8.8 > d/web 7/udp",
    "d/db > d/web 79, d/db > d/web 91",
  ],
  [
    "a named port means the policy's pod inwards",
    [
      policy(inbound([{ ports: [{ port: "http" }] }])),
      policy(inbound([{ ports: [{ port: "http" }] }]), "e"),
    ],
    "d/db > d/web 8080, d/db > e/web 9090",
    "d/db > d/web 9090, d/db > e/web 8080",
  ],
  [
    "a named port that the pod lacks",
    [policy(inbound([{ ports: [{ port: "dns" }] }]))],
    "",
    "d/db > d/web 53",
  ],
  [
    "a named port means the peer outwards",
    [policy(outbound([{ to: [red], ports: [{ port: "http" }] }]))],
    "d/web > e/web 9090",
    "d/web > e/web 8080, d/web > e/tool 9090, d/web > 8.8.8.8 9090",
  ],
  [
    "a block with exceptions, which pods of a selector do not mind",
    [
      policy(
        outbound([
          { to: [{ ipBlock: { cidr: "8.0.0.0/8", except: ["8.8.0.0/16", "8.9.0.0/24"] } }] },
        ]),
      ),
    ],
    "d/web > 8.1.0.1 80, d/web > 8.9.1.0 80",
    "d/web > 8.8.8.8 80, d/web > 8.9.0.9 80, d/web > 9.0.0.1 80, d/web > d/db 80",
  ],
  [
    "questions to the DNS, as if it were pods",
    [
      policy(
        outbound([
          {
            to: [
              {
                namespaceSelector: {
                  matchLabels: { "kubernetes.io/metadata.name": "kube-system" },
                },
                podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
              },
            ],
            ports: [{ port: 53, protocol: "UDP" }],
          },
        ]),
      ),
    ],
    "d/web > 10.96.0.10 53/udp",
    "d/web > 10.96.0.10 53, d/web > 192.168.0.2 10053/udp, d/web > 8.8.8.8 53/udp",
  ],
  [
    "questions to whomever",
    [policy(outbound([{ ports: [{ port: 53, protocol: "UDP" }, { port: 53 }] }]))],
    "d/web > 10.96.0.10 53/udp, d/web > 10.96.0.10 53, d/web > 8.8.8.8 53",
    "d/web > d/db 80",
  ],
  [
    "no questions",
    [policy(outbound([{ to: [red] }])), policy(outbound([{ ports: [{ port: 80 }] }]))],
    "d/web > e/tool 80",
    "d/web > 10.96.0.10 53/udp",
  ],
  [
    "a block of another family",
    [policy(outbound([{ to: [{ ipBlock: { cidr: "::/0" } }] }]))],
    "",
    "d/web > d/db 80",
  ],
  [
    "several policies allow together",
    [
      policy(inbound([{ from: [red] }]), "d", "a"),
      policy(inbound([{ ports: [{ port: 80 }] }]), "d", "b"),
      policy({ podSelector: {}, policyTypes: ["Ingress"] }, "d", "c"),
    ],
    "e/tool > d/web 81, 8.8.8.8 > d/web 80",
    "8.8.8.8 > d/web 81, e/tool > d/db 80",
  ],
  [
    "out of one pod and into another must both be allowed",
    [
      policy(outbound([{ to: [{ podSelector: {} }] }]), "d", "out"),
      policy(
        { podSelector: { matchLabels: { app: "db" } }, ingress: [{ ports: [{ port: 5432 }] }] },
        "d",
        "in",
      ),
    ],
    "d/web > d/db 5432, d/web > d/web 1",
    "d/web > d/db 80, d/web > e/web 5432",
  ],
];

for (const [what, policies, allowed, denied] of cases) {
  test(`planPolicies: ${what}`, () => {
    const rules = new Interpreter(plan(...policies));
    for (const [list, want] of [
      [allowed, true],
      [denied, false],
    ] as const) {
      for (const text of list.split(", ").filter((it) => it !== "")) {
        assert.equal(rules.passes(packet(text)), want, text);
      }
    }
  });
}

test("planPolicies: pods of other nodes are peers, and have no rules here", () => {
  const away = pod("d/far app=web away", 9);
  const { elements } = planPolicies({
    policies: [policy(inbound([{ from: [{ podSelector: {} }] }]))],
    pods: [...pods, away],
    namespaces,
    nodeName: "n1",
    nodeRange,
    dnsAddress,
  });
  assert.deepEqual([...(elements.get("inward")?.keys() ?? [])], ["10.244.0.1"]);
  assert.equal(elements.get("known")?.has(away.address), false);
  const peers = [...elements].find(([name]) => name.startsWith("peer/"))?.[1];
  assert.equal(peers?.has(away.address), true);
});

test("planPolicies: a pod more changes elements, and no chain", () => {
  const policies = [policy(inbound([{ from: [{ podSelector: {} }] }]))];
  const input = { policies, namespaces, nodeName: "n1", nodeRange, dnsAddress };
  const before = planPolicies({ ...input, pods });
  const after = planPolicies({ ...input, pods: [...pods, pod("d/more app=web", 9)] });
  assert.deepEqual(after.chains, before.chains);
  assert.deepEqual(after.sets, before.sets);
});

test("planPolicies: nothing is guarded without policies", () => {
  assert.equal(plan().elements.size, 0);
  assert.deepEqual([...(plan(policy({})).elements.get("guarded") ?? [])], [[nodeRange, ""]]);
});

test("policyPod: who has an address of its own, also after projection", () => {
  const spec = {
    nodeName: "n1",
    containers: [{ name: "c", ports: [{ name: "http", containerPort: 80 }] }],
  };
  const metadata = { namespace: "d", name: "web", labels: { app: "web" } };
  const full = { metadata, spec, status: { podIP: "10.244.0.7", phase: "Running" } };
  const table: [given: object, want: string | undefined][] = [
    [full, "10.244.0.7"],
    [{ ...full, status: { podIPs: [{ ip: "fd00::1" }, { ip: "10.244.0.8" }] } }, "10.244.0.8"],
    [{ ...full, status: {} }, undefined],
    [{ ...full, status: { podIP: "10.244.0.7", phase: "Succeeded" } }, undefined],
    [{ ...full, spec: { ...spec, hostNetwork: true } }, undefined],
  ];
  for (const [given, want] of table) {
    const view = policyPod(given);
    assert.equal(view?.address, want);
    assert.deepEqual(policyPod(projectPod(given)), view);
  }
  assert.equal(policyPod(full)?.namedPorts.get("tcp/http"), 80);
});

/** Upstream's meaning, said again in another way: no chains, no sets. */
function isAllowed(
  policies: readonly NetworkPolicy[],
  { from, to, transport, port }: Omit<Packet, "sentTo">,
): boolean {
  if (from === to) return true;
  const by = (address: string) => pods.find((it) => it.address === address);
  function selected(selector: NetworkPolicySpec["podSelector"], labels: object): boolean {
    const wanted = Object.entries(selector?.matchLabels ?? {});
    return wanted.every(([key, value]) => (labels as Record<string, string>)[key] === value);
  }
  function peerIs(peer: NetworkPolicyPeer, address: string, namespace: string): boolean {
    if (peer.ipBlock !== undefined) {
      const inside = (cidr: string): boolean => {
        const [range, number] = [parseBlock(cidr), parseAddress(address) ?? -1];
        return range !== undefined && range.first <= number && number <= range.last;
      };
      return inside(peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some(inside);
    }
    const other = by(address);
    if (other === undefined) return false;
    const labels = namespaces.get(other.namespace) ?? {};
    const isThere =
      peer.namespaceSelector === undefined
        ? other.namespace === namespace
        : selected(peer.namespaceSelector, labels);
    return isThere && selected(peer.podSelector, other.labels);
  }
  function portIs(wanted: NetworkPolicyPort): boolean {
    if ((wanted.protocol ?? "TCP").toLowerCase() !== transport) return false;
    if (wanted.port === undefined) return true;
    if (typeof wanted.port === "string")
      return by(to)?.namedPorts.get(`tcp/${wanted.port}`) === port;
    return wanted.port <= port && port <= (wanted.endPort ?? wanted.port);
  }
  function way(address: string, other: string, type: "Ingress" | "Egress"): boolean {
    const own = by(address);
    if (own === undefined) return true;
    const concerned = policies.filter(
      ({ metadata, spec }) =>
        metadata?.namespace === own.namespace &&
        selected(spec?.podSelector, own.labels) &&
        spec?.policyTypes?.includes(type) === true,
    );
    if (concerned.length === 0) return true;
    return concerned.some(({ spec }) => {
      const rules =
        type === "Ingress"
          ? (spec?.ingress ?? []).map((it) => ({ peers: it.from, ports: it.ports }))
          : (spec?.egress ?? []).map((it) => ({ peers: it.to, ports: it.ports }));
      return rules.some(({ peers = [], ports = [] }) => {
        const who = peers.length === 0 || peers.some((it) => peerIs(it, other, own.namespace));
        return who && (ports.length === 0 || ports.some(portIs));
      });
    });
  }
  return way(from, to, "Egress") && way(to, from, "Ingress");
}

test("planPolicies: lets through what the policies mean, and nothing else", () => {
  const labels = fc.constantFrom({}, { app: "web" }, { app: "db" }, { app: "tool" });
  const teams = fc.constantFrom({}, { team: "red" }, { team: "blue" });
  const selector = labels.map((matchLabels) => ({ matchLabels }));
  const space = teams.map((matchLabels) => ({ matchLabels }));
  const block = fc.record({
    cidr: fc.constantFrom("0.0.0.0/0", "10.244.0.0/30", "8.0.0.0/8"),
    except: fc.subarray(["10.244.0.1/32", "8.8.0.0/16"]),
  });
  const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
    fc.record({ podSelector: selector }),
    fc.record({ namespaceSelector: space }),
    fc.record({ podSelector: selector, namespaceSelector: space }),
    block.map((ipBlock) => ({ ipBlock })),
  );
  const port: fc.Arbitrary<NetworkPolicyPort> = fc.oneof(
    fc.constantFrom({ port: 80 }, { port: 80, endPort: 90 }, { protocol: "UDP" }),
    fc.constantFrom({ port: "http" }, { port: 53, protocol: "UDP" }),
  );
  const some = <T>(it: fc.Arbitrary<T>) => fc.array(it, { maxLength: 3 });
  const spec = fc.record({
    podSelector: selector,
    policyTypes: fc.subarray(["Ingress", "Egress"], { minLength: 1 }),
    ingress: some(fc.record({ from: some(peer), ports: some(port) })),
    egress: some(
      fc.record({ to: some(peer.filter((it) => it.ipBlock === undefined)), ports: some(port) }),
    ),
  });
  const policies = fc
    .array(fc.tuple(spec, fc.constantFrom("d", "e")), { maxLength: 5 })
    .map((list) => list.map(([it, at], index) => policy(it, at, `p${index}`)));
  const places = [1, 2, 3, 4].map((it) => formatAddress((parseAddress("10.244.0.0") ?? 0) + it));
  const packets = fc.record({
    from: fc.constantFrom(...places, "8.8.8.8"),
    to: fc.constantFrom(...places, "8.1.1.1"),
    transport: fc.constantFrom("tcp", "udp"),
    port: fc.constantFrom(53, 80, 85, 8080, 9090),
  });
  fc.assert(
    fc.property(policies, some(packets), (list, sent) => {
      // A pod that no rule limits has no pair of itself, and needs none.
      const rules = new Interpreter(plan(...list));
      for (const it of sent)
        assert.equal(
          rules.passes({ ...it, sentTo: it.to }),
          isAllowed(list, it),
          JSON.stringify(it),
        );
    }),
    { numRuns: 300 },
  );
});
