// Host ports of pods: real pods and rules, asked from the node, from pods and from outside.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nodeNames } from "#main/network/node-names.ts";
import { ok, run, systemMissing } from "#testing/gantry-process.ts";
import { NetworkCluster, until, wire, type Place } from "#testing/network-cluster.ts";
import { whoScript } from "#testing/who-script.ts";

const skip = systemMissing();
let opened: NetworkCluster | undefined;

function cluster(): NetworkCluster {
  assert.ok(opened !== undefined);
  return opened;
}

function pod(name: string, ...ports: readonly object[]): object {
  const command = ["sh", "-c", whoScript];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "c",
          image: "busybox",
          command,
          ports: ports.map((it) => ({ containerPort: 8080, ...it })),
        },
      ],
    },
  };
}

/** Who answers there, and whom it sees; the error when nobody does. */
function asked(from: Place, address: string, port = 9080): string {
  const url = `http://${address}:${port}/cgi-bin/who`;
  const [result] = cluster().probe(from, url, { timeoutMs: 1_500 });
  return result?.text ?? "";
}

function addressOf(name: string): string {
  return cluster().kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}");
}

before(() => {
  if (skip !== undefined) return;
  opened = new NetworkCluster(27_443);
  cluster().apply(
    pod("web", { hostPort: 9080 }),
    pod("loop", { hostPort: 9081, hostIP: "127.0.0.1" }),
    pod("wired", { hostPort: 9081, hostIP: wire.node }),
    pod("client"),
  );
  cluster().kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
});

after(() => {
  opened?.[Symbol.dispose]();
});

test("from outside, which the pod sees as it is", { skip }, async () => {
  await until(() => {
    assert.match(asked("outside", wire.node), new RegExp(`^web .*${wire.outside}`));
  });
});

test("from the node: its address, and its loopback", { skip }, async () => {
  for (const address of [wire.node, "127.0.0.1", "127.0.0.2"]) {
    await until(() => {
      assert.match(asked("node", address), /^web /);
    });
  }
});

test("from other pods, and from the pod itself", { skip }, () => {
  assert.match(asked({ pod: "client" }, wire.node), new RegExp(`^web .*${addressOf("client")}`));
  const self = asked({ pod: "web" }, wire.node);
  assert.match(self, /^web /);
  assert.doesNotMatch(self, new RegExp(addressOf("web")));
});

test("one port is one pod's at one address, and another's at another", { skip }, async () => {
  await until(() => {
    assert.match(asked("node", "127.0.0.1", 9081), /^loop /);
  });
  assert.match(asked("node", wire.node, 9081), /^wired /);
  assert.match(asked("outside", wire.node, 9081), /^wired /);
  assert.match(asked({ pod: "client" }, wire.node, 9081), /^wired /);
  assert.match(asked("node", "127.0.0.2", 9081), /ECONNREFUSED/);
});

test("nothing gets from outside to the node's loopback", { skip }, () => {
  const inside = ["netns", "exec", cluster().outside];
  ok(run("ip", [...inside, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"]));
  ok(run("ip", [...inside, "ip", "route", "add", "127.0.0.9/32", "via", wire.node]));
  assert.equal(asked("outside", "127.0.0.9"), "TIMEOUT");
});

test("network policies hold for what comes by host ports", { skip }, async () => {
  const spec = { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] };
  const policy = (ingress: readonly object[]): object => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "web" },
    spec: { ...spec, ingress },
  });
  cluster().apply(policy([]));
  await until(() => {
    assert.equal(asked("outside", wire.node), "TIMEOUT");
  });
  assert.equal(asked({ pod: "client" }, wire.node), "TIMEOUT");
  assert.match(asked("node", "127.0.0.1"), /^web /, "the node reaches its pods");
  cluster().apply(policy([{ from: [{ ipBlock: { cidr: `${wire.outside}/32` } }] }]));
  await until(() => {
    assert.match(asked("outside", wire.node), /^web /);
  });
  assert.equal(asked({ pod: "client" }, wire.node), "TIMEOUT");
  cluster().kubectl("delete", "networkpolicy", "web");
});

test("the next pod gets the port, flows of UDP included", { skip }, async () => {
  const socket = createSocket("udp4");
  const answers: string[] = [];
  socket.on("message", (it) => answers.push(it.toString()));
  socket.on("error", () => undefined); // Refused while nobody listens.
  try {
    for (const name of ["first", "second"]) {
      cluster().apply(pod(name, { hostPort: 9053, protocol: "UDP" }));
      cluster().kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
      const echo = cluster().start({ pod: name }, "udp-echo.ts", name).stdout ?? process.stdin;
      await once(echo, "data");
      await until(() => {
        socket.send("?", 9053, wire.node);
        assert.equal(answers.splice(0).at(-1), name);
      });
      if (name === "first") cluster().kubectl("delete", "pod", name);
    }
  } finally {
    socket.close();
  }
});

test("a port closes with its pod, and rules stay while the system is down", { skip }, async () => {
  cluster().kubectl("delete", "pod", "web");
  await until(() => {
    assert.match(asked("node", wire.node), /ECONNREFUSED/);
  });
  ok(cluster().system.gantry("down"));
  assert.match(asked("outside", wire.node, 9081), /^wired /);
  ok(cluster().system.up());
  cluster().apply(pod("web", { hostPort: 9080 }));
  await until(() => {
    assert.match(asked("outside", wire.node), /^web /);
  });
  assert.match(asked("outside", wire.node, 9081), /^wired /);
});

test("reset takes the rules along", { skip }, () => {
  const { hostPortTable } = nodeNames(join(cluster().system.directory, "data", "node"));
  assert.match(ok(run("nft", ["list", "tables"])), new RegExp(hostPortTable));
  ok(cluster().system.gantry("reset"));
  assert.doesNotMatch(ok(run("nft", ["list", "tables"])), new RegExp(hostPortTable));
});
