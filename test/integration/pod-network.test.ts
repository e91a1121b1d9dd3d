// Routes and tunnels as the kernel takes them: two machines with a router between them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  forwardingCommand,
  neighbourCommand,
  routeCommands,
  tunnelCommands,
  type NetworkNames,
} from "#network/commands.ts";
import { planRoutes, type NetworkNode } from "#network/plan.ts";
import { run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const id = process.pid.toString(36);
const [a, b, router] = [`gt${id}a`, `gt${id}b`, `gt${id}r`];
const names: NetworkNames = { routeProtocol: 84, tunnelDevice: "gantry-vx" };
const nodes: NetworkNode[] = [
  { name: a, address: "192.0.2.2", podCidr: "10.244.0.0/24" },
  { name: b, address: "198.51.100.2", podCidr: "10.244.1.0/24" },
];

function ok(command: string, args: readonly string[], input = ""): string {
  const { code, stdout, stderr } = run(command, args, { input });
  assert.equal(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Runs lines in a namespace's `ip` or `bridge`. */
function batch(program: string, namespace: string, lines: readonly string[]): void {
  ok(program, ["-n", namespace, "-batch", "-"], `${lines.join("\n")}\n`);
}

before(() => {
  if (skip !== undefined) return;
  for (const name of [a, b, router]) ok("ip", ["netns", "add", name]);
  for (const [name, own, gateway] of [
    [a, "192.0.2.2", "192.0.2.1"],
    [b, "198.51.100.2", "198.51.100.1"],
  ] as const) {
    batch("ip", router, [
      `link add to-${name} type veth peer name eth0 netns ${name}`,
      `addr add ${gateway}/24 dev to-${name}`,
      `link set to-${name} up`,
    ]);
    const pod = name === a ? "10.244.0.5" : "10.244.1.5";
    batch("ip", name, [
      "link set lo up",
      `addr add ${own}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${gateway}`,
      // Stands for a pod.
      `addr add ${pod}/32 dev lo`,
    ]);
  }
  ok("nsenter", [`--net=/run/netns/${router}`, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
});

after(() => {
  if (skip !== undefined) return;
  for (const name of [a, b, router]) run("ip", ["netns", "del", name]);
});

function ping(from: string, source: string, to: string): number {
  const asked = ["ping", "-c", "1", "-W", "5", "-s", "4000", "-I", source, to];
  return run("nsenter", [`--net=/run/netns/${from}`, "busybox", ...asked]).code;
}

test("pods behind a router are reached by the tunnel, in packets that fit", { skip }, () => {
  for (const [name, address] of [
    [a, "192.0.2.2"],
    [b, "198.51.100.2"],
  ] as const) {
    const routes = planRoutes(name, nodes, [{ address, length: 24 }]);
    const peers = routes.flatMap((it) => (it.kind === "tunnel" ? [it.peer] : []));
    assert.equal(peers.length, 1);
    const own = planRoutes("", nodes, []).find((_, index) => nodes[index]?.name === name);
    assert.ok(own?.kind === "tunnel");
    batch("ip", name, tunnelCommands(own.peer, { device: "eth0", mtu: 1500 }, names));
    batch(
      "ip",
      name,
      peers.map((it) => neighbourCommand(it, names)),
    );
    batch(
      "bridge",
      name,
      peers.map((it) => forwardingCommand(it, names)),
    );
    batch("ip", name, routeCommands(routes, [], names));
  }
  assert.equal(ping(a, "10.244.0.5", "10.244.1.5"), 0);
  assert.equal(ping(b, "10.244.1.5", "10.244.0.5"), 0);
  const device = ok("ip", ["-n", a, "-o", "link", "show", names.tunnelDevice]);
  assert.match(device, / mtu 1450 /, "room for the outer headers");
});
