// Services as clients see them: real pods, real rules, from the node, from pods and from outside.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { get } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nodeNames } from "#main/network/node-names.ts";
import { ok, run, systemMissing } from "#testing/gantry-process.ts";
import { NetworkCluster, until, wire } from "#testing/network-cluster.ts";
import { whoScript } from "#testing/who-script.ts";

const skip = systemMissing();
let opened: NetworkCluster | undefined;

function cluster(): NetworkCluster {
  assert.ok(opened !== undefined);
  return opened;
}

function webPod(name: string): object {
  const ports = [{ name: "http", containerPort: 8080 }];
  const command = ["sh", "-c", whoScript];
  const readinessProbe = { tcpSocket: { port: "http" }, periodSeconds: 1 };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "web", pod: name } },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [{ name: "c", image: "busybox", command, ports, readinessProbe }],
    },
  };
}

function service(name: string, spec: object = {}): object {
  const ports = [{ name: "http", port: 80, targetPort: "http" }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: "web" }, ports, ...spec },
  };
}

interface ServiceObject {
  readonly spec: {
    readonly clusterIP: string;
    readonly healthCheckNodePort: number;
    readonly ports: readonly { readonly nodePort: number }[];
  };
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { ip: string }[] } };
}

function read(name: string): ServiceObject {
  return cluster().json("get", "service", name) as ServiceObject;
}

const pods = ["web-0", "web-1", "web-2"];
const path = "/cgi-bin/who";

/** Names of those who answered, and how often. */
function counts(results: readonly { readonly status: number; readonly text: string }[]) {
  const found = new Map<string, number>();
  for (const { status, text } of results) {
    assert.equal(status, 200, text);
    const name = text.split(" ")[0] ?? "";
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

/** Waits until just these pods answer at the address. */
async function answeredBy(url: string, ...names: readonly string[]): Promise<void> {
  await until(() => {
    const seen = counts(cluster().probe("node", url, { count: 12 * names.length }));
    assert.deepEqual([...seen.keys()].sort(), names);
  });
}

before(async () => {
  if (skip !== undefined) return;
  opened = new NetworkCluster(26_444);
  cluster().apply(...pods.map(webPod), service("web"));
  cluster().kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
  await answeredBy(`http://${read("web").spec.clusterIP}${path}`, ...pods);
});

after(() => {
  opened?.[Symbol.dispose]();
});

test("a cluster address is spread over the pods, from the node and from pods", { skip }, () => {
  const url = `http://${read("web").spec.clusterIP}${path}`;
  for (const from of ["node", { pod: "web-0" }] as const) {
    const seen = counts(cluster().probe(from, url, { count: 60 }));
    for (const it of pods) assert.ok((seen.get(it) ?? 0) >= 5, JSON.stringify([...seen]));
  }
});

test("a pod reaches itself through its service, others see who asks", { skip }, () => {
  const own = cluster().json("get", "pod", "web-0") as { status: { podIP: string } };
  const url = `http://${read("web").spec.clusterIP}${path}`;
  const answers = cluster().probe({ pod: "web-0" }, url, { count: 40 });
  for (const { text } of answers) {
    const [name, address = ""] = text.split(" ");
    assert.equal(address.includes(own.status.podIP), name !== "web-0", text);
  }
});

test("pods reach the API server, with their token", { skip }, () => {
  const volume = "/var/run/secrets/kubernetes.io/serviceaccount";
  const inPod = (file: string): string =>
    cluster().kubectl("exec", "web-0", "--", "cat", `${volume}/${file}`);
  const inShell = (line: string): string =>
    cluster().kubectl("exec", "web-0", "--", "sh", "-c", line);
  const access = { token: inPod("token"), ca: inPod("ca.crt") };
  const [host, port] = ["HOST", "PORT"].map((it) =>
    inShell(`echo $KUBERNETES_SERVICE_${it}`).trim(),
  );
  const url = `https://${host ?? ""}:${port ?? ""}/api/v1/namespaces/default/pods`;
  const [refused] = cluster().probe({ pod: "web-0" }, url, access);
  assert.match(refused?.text ?? "", /system:serviceaccount:default:default.* cannot list/);
  cluster().kubectl(
    "create",
    "rolebinding",
    "view",
    "--clusterrole=view",
    "--serviceaccount=default:default",
  );
  const [allowed] = cluster().probe({ pod: "web-0" }, url, access);
  assert.equal(allowed?.status, 200, allowed?.text);
});

test("a headless service has no rules", { skip }, () => {
  cluster().apply(service("headless", { clusterIP: "None" }));
  assert.doesNotMatch(rules(), /headless/);
});

test("a node port is open to the outside, to the node and to pods", { skip }, async () => {
  cluster().apply(service("open", { type: "NodePort" }));
  const port = read("open").spec.ports[0]?.nodePort ?? 0;
  await answeredBy(`http://${wire.node}:${port}${path}`, ...pods);
  for (const from of ["outside", { pod: "web-1" }] as const) {
    const seen = counts(cluster().probe(from, `http://${wire.node}:${port}${path}`, { count: 30 }));
    assert.equal(seen.size, 3);
  }
});

test(
  "external policy: Cluster hides the client, Local shows it and stays here",
  { skip },
  async () => {
    cluster().apply(service("open", { type: "NodePort", externalTrafficPolicy: "Cluster" }));
    const port = read("open").spec.ports[0]?.nodePort ?? 0;
    const url = `http://${wire.node}:${port}${path}`;
    const client = (): string => cluster().probe("outside", url)[0]?.text ?? "";
    assert.doesNotMatch(client(), new RegExp(wire.outside));
    cluster().kubectl(
      "patch",
      "service",
      "open",
      "-p",
      '{"spec":{"externalTrafficPolicy":"Local"}}',
    );
    await until(() => {
      assert.match(client(), new RegExp(wire.outside));
    });
  },
);

test(
  "a load balancer is answered on the node's address, for who may use it",
  { skip },
  async () => {
    cluster().apply(
      service("balanced", {
        type: "LoadBalancer",
        externalTrafficPolicy: "Local",
        ports: [{ name: "http", port: 8000, targetPort: "http" }],
      }),
    );
    const address = await until(() => {
      const [ingress] = read("balanced").status.loadBalancer.ingress ?? [];
      assert.ok(ingress !== undefined);
      return ingress.ip;
    });
    await answeredBy(`http://${address}:8000${path}`, ...pods);
    const [outside] = cluster().probe("outside", `http://${address}:8000${path}`);
    assert.match(outside?.text ?? "", new RegExp(wire.outside));
    const check = `http://${address}:${read("balanced").spec.healthCheckNodePort}/`;
    const [health] = cluster().probe("outside", check);
    assert.equal(health?.status, 200);
    assert.match(health.text, /"name":"balanced"\},"localEndpoints":3/);
    const ranges = '{"spec":{"loadBalancerSourceRanges":["10.0.0.0/8","10.1.0.0/16"]}}';
    cluster().kubectl("patch", "service", "balanced", "-p", ranges);
    await until(() => {
      const url = `http://${address}:8000${path}`;
      const [shut] = cluster().probe("outside", url, { timeoutMs: 500 });
      assert.equal(shut?.text, "TIMEOUT");
    });
    const [pod] = cluster().probe({ pod: "web-0" }, `http://${address}:8000${path}`);
    assert.equal(pod?.status, 200, pod?.text);
  },
);

test("a port of the nodes serves one load balancer; who comes late is told", { skip }, async () => {
  const ports = [{ name: "http", port: 8000, targetPort: "http" }];
  cluster().apply(service("late", { type: "LoadBalancer", ports }));
  await until(() => {
    const events = cluster().kubectl("get", "events", "--field-selector=involvedObject.name=late");
    assert.match(events, /port tcp\/8000 of the nodes is taken by default\/balanced/);
  });
  assert.equal(read("late").status.loadBalancer.ingress, undefined);
  cluster().kubectl("delete", "service", "balanced");
  await until(() => {
    assert.equal(read("late").status.loadBalancer.ingress?.length, 1);
  });
  cluster().kubectl("delete", "service", "late");
});

test("without endpoints clients are refused at once", { skip }, async () => {
  cluster().apply(service("none", { selector: { app: "nobody" } }));
  const address = read("none").spec.clusterIP;
  for (const from of ["node", { pod: "web-0" }] as const) {
    await until(() => {
      for (const port of [80, 81]) {
        const [refused] = cluster().probe(from, `http://${address}:${port}/`);
        assert.equal(refused?.text, "ECONNREFUSED");
        assert.ok(refused.ms < 500, `${port}: ${refused.ms} ms`);
      }
    });
  }
});

test("clients stay with their pod, and move when it goes", { skip }, async () => {
  cluster().apply(service("sticky", { sessionAffinity: "ClientIP" }), webPod("web-3"));
  cluster().kubectl("wait", "--for=condition=Ready", "pod/web-3", "--timeout=60s");
  const url = `http://${read("sticky").spec.clusterIP}${path}`;
  const first = await until(() => {
    const seen = counts(cluster().probe("node", url, { count: 30 }));
    assert.equal(seen.size, 1);
    return [...seen.keys()][0] ?? "";
  });
  cluster().kubectl("delete", "pod", first);
  const second = counts(cluster().probe("node", url, { count: 30 }));
  assert.equal(second.size, 1);
  assert.notEqual([...second.keys()][0], first);
  cluster().kubectl("delete", "service", "sticky");
  if (first !== "web-3") {
    cluster().apply(webPod(first));
    cluster().kubectl("delete", "pod", "web-3");
  }
  cluster().kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
  await answeredBy(`http://${read("web").spec.clusterIP}${path}`, ...pods);
});

test("pods come and go under load, and no request fails", { skip }, async () => {
  const url = `http://${read("web").spec.clusterIP}${path}`;
  const stop = new AbortController();
  const statuses: string[] = [];
  const load = (async () => {
    while (!stop.signal.aborted) statuses.push(await status(url));
  })();
  cluster().apply(webPod("web-4"));
  await cluster().kubectlBeside("wait", "--for=condition=Ready", "pod/web-4", "--timeout=60s");
  await cluster().kubectlBeside("delete", "pod", "web-4", "--wait=true");
  stop.abort();
  await load;
  assert.ok(statuses.length > 100, `${statuses.length} requests`);
  assert.deepEqual(new Set(statuses), new Set(["200"]));
});

test("a UDP client moves on when its pod goes", { skip }, async () => {
  const ports = [{ name: "udp", port: 80, targetPort: 8080, protocol: "UDP" }];
  cluster().apply(service("datagrams", { ports }));
  for (const name of pods) {
    const [ready] = (await once(
      cluster().start({ pod: name }, "udp-echo.ts", name).stdout ?? process.stdin,
      "data",
    )) as [Buffer];
    assert.equal(ready.toString(), "ready\n");
  }
  const socket = createSocket("udp4");
  try {
    const answers: string[] = [];
    socket.on("message", (it) => answers.push(it.toString()));
    socket.on("error", () => undefined); // Refused while the rules are not there yet.
    const address = read("datagrams").spec.clusterIP;
    /** Who answers now; the socket stays the same. */
    async function asked(): Promise<string> {
      return await until(() => {
        const last = answers.splice(0).at(-1);
        socket.send("?", 80, address);
        assert.ok(last !== undefined, "no answer");
        return last;
      });
    }
    const first = await asked();
    assert.equal(await asked(), first);
    cluster().kubectl("delete", "pod", first);
    await until(async () => {
      assert.notEqual(await asked(), first);
    });
  } finally {
    socket.close();
  }
});

test("rules after many changes are those of a table made anew", { skip }, async () => {
  const changed = await until(() => {
    const now = rules();
    assert.match(now, /svc\/default\/datagrams\/udp\/80/);
    assert.doesNotMatch(now, /default\/(sticky|balanced|late|headless)\//);
    return now;
  });
  const before = tableHandle();
  ok(cluster().system.gantry("down"));
  assert.equal(rules(), changed, "rules stay while the system is down");
  ok(cluster().system.up());
  await until(() => {
    assert.notEqual(tableHandle(), before);
  });
  assert.equal(rules(), changed);
});

test("reset takes rules and route along", { skip }, () => {
  const { serviceTable } = names();
  assert.match(ok(run("ip", ["route"])), /10\.96\.0\.0\/16 dev lo/);
  ok(cluster().system.gantry("reset"));
  assert.doesNotMatch(ok(run("nft", ["list", "tables"])), new RegExp(serviceTable));
  assert.doesNotMatch(ok(run("ip", ["route"])), /10\.96\./);
});

function names(): { readonly serviceTable: string } {
  return nodeNames(join(cluster().system.directory, "data", "node"));
}

/** The kernel's number of the table: a table made anew has another. */
function tableHandle(): string {
  const table = ok(run("nft", ["-a", "list", "table", "ip", names().serviceTable]));
  return /# handle (\d+)/.exec(table)?.[1] ?? "";
}

/** The table's rules, in an order of their own. */
function rules(): string {
  const table = ok(run("nft", ["list", "table", "ip", names().serviceTable]));
  const elements = /[\n,{]|\s\}/;
  return table
    .split(elements)
    .map((it) => it.trim())
    .sort()
    .join("\n");
}

function status(url: string): Promise<string> {
  return new Promise((resolve) => {
    get(url, { agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(String(response.statusCode));
    }).on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
  });
}
