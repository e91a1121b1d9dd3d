// Network policies between real pods: who still gets through, and who does not.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nodeNames } from "#main/network/node-names.ts";
import { ok, run, systemMissing } from "#testing/gantry-process.ts";
import { NetworkCluster, until, wire, type Place } from "#testing/network-cluster.ts";

const skip = systemMissing();
let opened: NetworkCluster | undefined;

function cluster(): NetworkCluster {
  assert.ok(opened !== undefined);
  return opened;
}

function pod(namespace: string, name: string): object {
  const ports = [{ name: "http", containerPort: 8080 }];
  const command = ["sh", "-c", "echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"];
  const probe = { tcpSocket: { port: "http" }, periodSeconds: 1 };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "c",
          image: "busybox",
          command,
          ports,
          readinessProbe: probe,
          livenessProbe: probe,
        },
      ],
    },
  };
}

function policy(name: string, spec: object): object {
  const metadata = { name, namespace: "default" };
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
}

const server: Place = { pod: "server" };
const client: Place = { pod: "client" };
const stranger: Place = { pod: "stranger", namespace: "other" };

function addressOf(name: string, namespace = "default"): string {
  const { status } = cluster().json("get", "pod", name, "-n", namespace) as {
    status: { podIP: string };
  };
  return status.podIP;
}

function reaches(from: Place, host: string, port = 8080): boolean {
  const [result] = cluster().probe(from, `http://${host}:${port}/`, { timeoutMs: 700 });
  if (result?.status === 200) return true;
  assert.equal(result?.text, "TIMEOUT", "denied packets are dropped");
  return false;
}

/** Waits until just these of the places reach the server. */
async function reachedBy(...wanted: readonly Place[]): Promise<void> {
  const host = addressOf("server");
  const all = [client, stranger, "outside"] as const;
  await until(() => {
    const found = all.filter((it) => reaches(it, host));
    assert.deepEqual(
      found,
      all.filter((it) => wanted.includes(it)),
    );
  });
}

before(() => {
  if (skip !== undefined) return;
  opened = new NetworkCluster(26_445);
  cluster().kubectl("create", "namespace", "other");
  cluster().apply(pod("default", "server"), pod("default", "client"), pod("other", "stranger"));
  const ports = [{ port: 80, targetPort: 8080 }];
  cluster().apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "server" },
    spec: { selector: { app: "server" }, ports },
  });
  for (const namespace of ["default", "other"]) {
    cluster().kubectl(
      "wait",
      "--for=condition=Ready",
      "pod",
      "--all",
      "-n",
      namespace,
      "--timeout=60s",
    );
  }
});

after(() => {
  opened?.[Symbol.dispose]();
});

const onServer = { podSelector: { matchLabels: { app: "server" } } };

test("without policies everybody gets through", { skip }, async () => {
  await reachedBy(client, stranger, "outside");
});

test("default deny: only the node and the pod itself are left", { skip }, async () => {
  cluster().apply(policy("deny", { podSelector: {}, policyTypes: ["Ingress"] }));
  await reachedBy();
  const host = addressOf("server");
  assert.ok(reaches("node", host), "the node, and with it the kubelet's probes");
  assert.ok(reaches(server, host), "the pod itself");
  assert.ok(reaches(client, addressOf("stranger", "other")), "other namespaces are not concerned");
  const { spec } = cluster().json("get", "service", "server") as { spec: { clusterIP: string } };
  assert.equal(reaches(client, spec.clusterIP, 80), false, "nor does a service lead around it");
  await until(() => {
    assert.ok(reaches(server, spec.clusterIP, 80), "through its service, too");
  });
});

test("allowed by pod, by namespace and by block", { skip }, async () => {
  const ports = [{ port: "http" }];
  const by = (...from: object[]): object =>
    policy("allow", { ...onServer, ingress: [{ from, ports }] });
  cluster().apply(by({ podSelector: { matchLabels: { app: "client" } } }));
  await reachedBy(client);
  const other = { matchLabels: { "kubernetes.io/metadata.name": "other" } };
  cluster().apply(by({ namespaceSelector: other }));
  await reachedBy(stranger);
  cluster().apply(by({ ipBlock: { cidr: "172.31.0.0/16", except: ["172.31.0.0/17"] } }));
  await reachedBy("outside");
  cluster().apply(by({ ipBlock: { cidr: "172.31.0.0/16", except: [`${wire.outside}/32`] } }));
  await reachedBy();
  cluster().kubectl("label", "namespace", "other", "team=red");
  cluster().apply(by({ namespaceSelector: { matchLabels: { team: "red" } } }));
  await reachedBy(stranger);
  cluster().kubectl("label", "namespace", "other", "team-");
  await reachedBy();
});

test("what goes out: nothing but what is allowed, by port", { skip }, async () => {
  cluster().kubectl("delete", "networkpolicy", "--all");
  await reachedBy(client, stranger, "outside");
  const onClient = { podSelector: { matchLabels: { app: "client" } } };
  cluster().apply(policy("out", { ...onClient, policyTypes: ["Egress"] }));
  await reachedBy(stranger, "outside");
  const { spec } = cluster().json("get", "service", "kubernetes") as {
    spec: { clusterIP: string };
  };
  const api = (): string | undefined =>
    cluster().probe(client, `https://${spec.clusterIP}/`, { timeoutMs: 700 })[0]?.text;
  assert.equal(api(), "TIMEOUT", "the node counts as any other destination");
  assert.ok(reaches(server, addressOf("client")), "answers go out, since the way in is open");
  const egress = [
    {
      to: [{ podSelector: { matchLabels: { app: "server" } } }],
      ports: [{ port: 8000, endPort: 9000 }],
    },
  ];
  cluster().apply(policy("out", { ...onClient, policyTypes: ["Egress"], egress }));
  await reachedBy(client, stranger, "outside");
  assert.equal(reaches(client, addressOf("stranger", "other")), false);
});

test("questions to the DNS are allowed as if it were pods", { skip }, async () => {
  cluster().kubectl("delete", "networkpolicy", "--all");
  const asked = (): string =>
    cluster().run(client, "dns-probe.ts", "server.default.svc.cluster.local");
  const types = { podSelector: {}, policyTypes: ["Egress"] };
  const { spec } = cluster().json("get", "service", "server") as { spec: { clusterIP: string } };
  cluster().apply(policy("out", types));
  await until(() => {
    assert.equal(asked(), "ETIMEOUT");
  });
  const to = [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ];
  const ports = [
    { port: 53, protocol: "UDP" },
    { port: 53, protocol: "TCP" },
  ];
  cluster().apply(policy("out", { ...types, egress: [{ to, ports }] }));
  await until(() => {
    assert.equal(asked(), spec.clusterIP);
  });
  assert.equal(reaches(client, addressOf("server")), false);
});

test("a new pod has its rules from its first packet on", { skip }, async () => {
  cluster().kubectl("delete", "networkpolicy", "--all");
  cluster().apply(policy("deny", { podSelector: {}, policyTypes: ["Egress"] }));
  await until(() => {
    assert.equal(reaches(client, addressOf("server")), false);
  });
  const host = addressOf("stranger", "other");
  const request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n'";
  const attempt = `${request} | nc -w 5 ${host} 8080 | grep hello; echo DONE`;
  const hasty = (name: string): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "c", image: "busybox", command: ["sh", "-c", attempt] }],
    },
  });
  const egress = [{ ports: [{ port: 8080 }] }];
  const onAllowed = { podSelector: { matchLabels: { app: "allowed" } } };
  cluster().apply(policy("some", { ...onAllowed, policyTypes: ["Egress"], egress }));
  for (const [name, want] of [
    ["denied", /timed out\nDONE/],
    ["allowed", /^hello/],
  ] as const) {
    cluster().apply(hasty(name));
    await until(() => {
      assert.match(cluster().kubectl("logs", name), /DONE/);
    });
    assert.match(cluster().kubectl("logs", name), want);
  }
});

test(
  "pods stayed healthy; policies hold while the system is down, and go with reset",
  { skip },
  async () => {
    const restarts = cluster().kubectl(
      "get",
      "pods",
      "-A",
      "-o",
      "jsonpath={.items[*].status.containerStatuses[*].restartCount}",
    );
    assert.match(restarts, /^[0 ]+$/);
    const host = addressOf("server");
    const netns = cluster().netns("client");
    ok(cluster().system.gantry("down"));
    const blocked = run("nsenter", [`--net=${netns}`, "busybox", "nc", "-w", "1", host, "8080"]);
    assert.notEqual(blocked.code, 0);
    const { policyTable } = nodeNames(join(cluster().system.directory, "data", "node"));
    assert.match(ok(run("nft", ["list", "tables"])), new RegExp(policyTable));
    ok(cluster().system.gantry("reset"));
    assert.doesNotMatch(ok(run("nft", ["list", "tables"])), new RegExp(policyTable));
  },
);
