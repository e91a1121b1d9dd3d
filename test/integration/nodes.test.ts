// Several nodes on one machine: pods reach each other, and what happens when a node is lost.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { segmentOf } from "#main/network/segment.ts";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_543;
let system: GantryProcess | undefined;

before(() => {
  if (skip === undefined) system = new GantryProcess(port);
});
after(() => {
  system?.[Symbol.dispose]();
});

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

/** Asks until the answer satisfies, and shows the last one when it never does. */
interface Placed {
  readonly name: string;
  readonly ip: string;
  readonly node: string;
  readonly container: string;
}

/** The pods that are not on their way out, in the order of their nodes. */
function placed(app: string): Placed[] {
  const { items } = JSON.parse(kubectl("get", "pods", "-l", `app=${app}`, "-o", "json")) as {
    items: {
      metadata: { name: string; deletionTimestamp?: string };
      spec: { nodeName: string };
      status: { podIP: string; containerStatuses: { containerID: string }[] };
    }[];
  };
  return items
    .filter((it) => it.metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      ip: status.podIP,
      node: spec.nodeName,
      container: status.containerStatuses[0]?.containerID ?? "",
    }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

function nodeNames(): string[] {
  return kubectl("get", "nodes", "-o", "name")
    .trim()
    .split("\n")
    .map((it) => it.replace("node/", ""))
    .sort();
}

/** One pod a node; those of a lost node are given up after two seconds. */
const web = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        tolerations: ["unreachable", "not-ready"].map((it) => ({
          key: `node.kubernetes.io/${it}`,
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 2,
        })),
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "kubernetes.io/hostname",
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: { app: "web" } },
          },
        ],
        containers: [
          {
            name: "httpd",
            image: "busybox",
            command: ["sh", "-c", "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"],
          },
        ],
      },
    },
  },
};

function fetchFrom(pod: string, address: string, port = 8080): string {
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} ${port} | tail -1`;
  return kubectl("exec", pod, "--", "sh", "-c", ask).trim();
}

test("three nodes are ready, each with a range of its own", { skip }, () => {
  ok(gantry().gantry("image", "seed"));
  ok(gantry().up("--nodes", "3"));
  const lines = kubectl("get", "nodes", "--no-headers").trim().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) assert.match(line, / Ready /);
  const template = '{range .items[*]}{.spec.podCIDR}{"\\n"}{end}';
  const ranges = kubectl("get", "nodes", "-o", `jsonpath=${template}`).trim().split("\n");
  assert.deepEqual(ranges.sort(), ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]);
});

test("pods of all nodes reach each other with their own addresses", { skip }, () => {
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(web)));
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const pods = placed("web");
  assert.equal(new Set(pods.map((it) => it.node)).size, 3, JSON.stringify(pods));
  for (const from of pods) {
    for (const to of pods) assert.equal(fetchFrom(from.name, to.ip), to.name);
  }
  // The machine itself reaches them as well, and logs come from other nodes' agents.
  for (const { ip, name } of pods) {
    const got = run("curl", ["-s", "-m", "5", `http://${ip}:8080/`]);
    assert.equal(got.stdout.trim(), name, got.stderr);
    kubectl("logs", name);
  }
});

test("a node sends pods of another node back to that node", { skip }, async () => {
  kubectl("expose", "deployment", "web", "--name=ports", "--type=NodePort", "--port=8080");
  const port = Number(
    kubectl("get", "service", "ports", "-o", "jsonpath={.spec.ports[0].nodePort}"),
  );
  const template = "{.items[*].status.addresses[?(@.type=='InternalIP')].address}";
  const [first = ""] = kubectl("get", "nodes", "-o", `jsonpath=${template}`).split(" ");
  const from = placed("web").at(-1)?.name ?? "";
  await eventuallySays(() => fetchFrom(from, first, port), /^web-/);
  const answers = Array.from({ length: 24 }, () => fetchFrom(from, first, port));
  assert.deepEqual(
    [...new Set(answers)].sort(),
    placed("web")
      .map((it) => it.name)
      .sort(),
  );
  kubectl("delete", "service", "ports");
});

test("a killed agent comes back, and its containers have gone on", { skip }, async () => {
  const before_ = placed("web");
  const directory = join(gantry().directory, "data", "nodes", "2");
  const found = run("pgrep", ["-f", `agent --server .*--data-dir ${directory} `]).stdout.trim();
  assert.match(found, /^\d+$/, "one agent");
  process.kill(Number(found), "SIGKILL");
  await eventuallySays(
    () => run("pgrep", ["-f", `agent --server .*--data-dir ${directory} `]).stdout.trim(),
    new RegExp(`^(?!${found}$)\\d+$`),
  );
  const [, second] = nodeNames();
  const pod = before_.find((it) => it.node === second)?.name ?? "";
  await eventuallySays(() => gantry().kubectl(["exec", pod, "--", "echo", "back"]).stdout, /back/);
  assert.deepEqual(placed("web"), before_);
});

test("pods of a lost node move, and it comes back clean", { skip }, async () => {
  const [, , third = ""] = nodeNames();
  const segment = segmentOf(join(gantry().directory, "data"));
  const lost = placed("web").find((it) => it.node === third);
  assert.ok(lost !== undefined);
  ok(run("ip", ["link", "set", segment.linkOf(3), "down"]));
  await eventuallySays(() => kubectl("get", "node", third, "--no-headers"), / NotReady /, 90);
  await eventuallySays(() => {
    const elsewhere = placed("web").filter((it) => it.node !== third);
    return String(elsewhere.length);
  }, /^3$/);
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  ok(run("ip", ["link", "set", segment.linkOf(3), "up"]));
  await eventuallySays(() => kubectl("get", "node", third, "--no-headers"), / Ready /);
  await eventuallySays(() => String(gantry().kubectl(["get", "pod", lost.name]).code), /^1$/);
  // Its routes are back: a pod there is reached from everywhere.
  kubectl("scale", "deployment/web", "--replicas=5");
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const pods = placed("web");
  const back = pods.find((it) => it.node === third);
  assert.ok(back !== undefined, JSON.stringify(pods));
  for (const { name } of pods) assert.equal(fetchFrom(name, back.ip), back.name);
});

test("a drained node is left empty, and takes pods again when uncordoned", { skip }, async () => {
  const [, second = ""] = nodeNames();
  kubectl("drain", second, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s");
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  assert.deepEqual(
    placed("web").filter((it) => it.node === second),
    [],
  );
  kubectl("uncordon", second);
  kubectl("scale", "deployment/web", "--replicas=7");
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  assert.ok(placed("web").some((it) => it.node === second));
});

test("down and up again: as many nodes, and no container restarted", { skip }, () => {
  const before_ = placed("web");
  ok(gantry().gantry("down"));
  ok(gantry().up());
  assert.equal(nodeNames().length, 3);
  assert.deepEqual(placed("web"), before_);
});

test("down --drain ends the pods of all nodes", { skip }, async () => {
  const pods = placed("web");
  // The agents have just come up again: each has its pods once it answers for them.
  for (const { name } of pods) {
    const echo = ["exec", name, "--", "echo", "here"];
    await eventuallySays(() => gantry().kubectl(echo).stdout, /here/);
  }
  assert.ok(new Set(pods.map((it) => it.node)).size > 1, JSON.stringify(pods));
  const running = (): string[] => {
    const groups = run("sh", ["-c", "cat /proc/[0-9]*/cgroup 2>/dev/null"]).stdout;
    return pods
      .filter((it) => groups.includes(it.container.replace("containerd://", "")))
      .map((it) => it.name);
  };
  assert.equal(running().length, pods.length);
  ok(gantry().gantry("down", "--drain"));
  assert.deepEqual(running(), []);
  ok(gantry().up());
});

test("reset leaves nothing of any node", { skip }, () => {
  const { directory } = gantry();
  const segment = segmentOf(join(directory, "data"));
  ok(gantry().gantry("reset"));
  const left = [
    run("ip", ["netns", "list"]).stdout,
    run("ip", ["-o", "link", "show"]).stdout,
    run("nft", ["list", "tables"]).stdout,
    run("ps", ["-eo", "args"]).stdout,
    run("ip", ["route", "show"]).stdout,
    run("cat", ["/proc/self/mountinfo"]).stdout,
  ].join("\n");
  for (const name of [segment.namespaceOf(2), segment.bridge, segment.table, directory]) {
    assert.ok(!left.includes(name), `${name} is left: ${left}`);
  }
  assert.doesNotMatch(left, /^10\.244\.[12]\.0\/24 via/m);
});
