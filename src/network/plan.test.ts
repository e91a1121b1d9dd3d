import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { routeCommands, tunnelCommands, type KernelRoute } from "./commands.ts";
import { planRoutes, tunnelEnd, type NetworkNode, type PodRoute } from "./plan.ts";

const names = { routeProtocol: 84, tunnelDevice: "gantry-vx" };
const segment = [{ address: "172.30.0.1", length: 24 }];

/** `b 172.30.0.2 10.244.1.0/24` */
function node(text: string): NetworkNode {
  const [name = "", address = "", podCidr = ""] = text.split(" ");
  return { name, address, podCidr };
}

function show(route: PodRoute): string {
  return route.kind === "direct"
    ? `${route.cidr} via ${route.via}`
    : `${route.cidr} in ${route.peer.address}`;
}

const cases: [nodes: string[], want: string[]][] = [
  [["a 172.30.0.1 10.244.0.0/24"], []],
  [["a 172.30.0.1 10.244.0.0/24", "b 172.30.0.2 10.244.1.0/24"], ["10.244.1.0/24 via 172.30.0.2"]],
  [["a 172.30.0.1 10.244.0.0/24", "b 192.168.7.2 10.244.1.0/24"], ["10.244.1.0/24 in 192.168.7.2"]],
  [
    ["c 172.30.0.3 10.244.1.0/24", "b 172.30.0.2 10.244.1.0/24", "a 172.30.0.1 10.244.0.0/24"],
    ["10.244.1.0/24 via 172.30.0.2"],
  ],
  [["b 172.30.0.2 10.244.0.0/24", "a 172.30.0.1 10.244.0.0/24"], []],
];

for (const [given, want] of cases) {
  test(`planRoutes: ${given.join(", ")} -> [${want.join(", ")}]`, () => {
    assert.deepEqual(planRoutes("a", given.map(node), segment).map(show), want);
  });
}

test("routeCommands: what is applied needs nothing more, and what is not wanted goes", () => {
  const route = fc.record({
    third: fc.nat(7),
    host: fc.integer({ min: 2, max: 5 }),
    isDirect: fc.boolean(),
  });
  const routes = fc.uniqueArray(route, { selector: (it) => it.third }).map((list) =>
    list.map(({ third, host, isDirect }): PodRoute => {
      const cidr = `10.244.${third}.0/24`;
      const address = `172.30.0.${host}`;
      return isDirect
        ? { kind: "direct", cidr, via: address }
        : { kind: "tunnel", cidr, peer: tunnelEnd(address, cidr) };
    }),
  );
  fc.assert(
    fc.property(routes, routes, (before, after) => {
      const present = run([], routeCommands(before, [], names));
      const then = run(present, routeCommands(after, present, names));
      assert.deepEqual(routeCommands(after, then, names), []);
      assert.deepEqual(then.map((it) => it.cidr).sort(), after.map((it) => it.cidr).sort());
    }),
  );
});

/** The kernel, as far as these commands go. */
function run(routes: readonly KernelRoute[], commands: readonly string[]): KernelRoute[] {
  const table = new Map(routes.map((it) => [it.cidr, it]));
  for (const command of commands) {
    const [, verb, cidr = "", , via = "", ...rest] = command.split(" ");
    const device = rest[0] === "dev" ? (rest[1] ?? "") : "eth0";
    if (verb === "replace") table.set(cidr, { cidr, via, device });
    else table.delete(cidr);
  }
  return [...table.values()];
}

test("tunnelCommands: the device leaves room for the outer headers", () => {
  const self = tunnelEnd("172.30.0.1", "10.244.10.0/24");
  assert.equal(self.mac, "02:42:0a:f4:0a:00");
  const [add = ""] = tunnelCommands(self, { device: "eth0", mtu: 1500 }, names);
  assert.match(add, / mtu 1450 .* local 172\.30\.0\.1 dev eth0 /);
});
