// Preemption and the rules of placement, asked for with kubectl: two simulated nodes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 27_343;
const foo = "example.com/foo";
let system: GantryProcess | undefined;
let nodes: readonly string[] = [];

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function apply(...items: readonly object[]): void {
  const list = { apiVersion: "v1", kind: "List", items };
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(list)));
}

interface PodOptions {
  readonly foo?: number;
  readonly priority?: string;
  readonly node?: string;
  readonly ports?: readonly object[];
  readonly metadata?: object;
  readonly spec?: object;
}

function pod(name: string, options: PodOptions = {}): object {
  const { priority, node, ports = [], metadata = {}, spec = {} } = options;
  const amounts = options.foo === undefined ? {} : { [foo]: String(options.foo) };
  const resources = { requests: amounts, limits: amounts };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name }, ...metadata },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(priority === undefined ? {} : { priorityClassName: priority }),
      ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
      containers: [{ name: "c", image: "busybox", command: ["sleep", "1000"], resources, ports }],
      ...spec,
    },
  };
}

function nodeOf(name: string): string {
  return kubectl("get", "pod", name, "-o", "jsonpath={.spec.nodeName} {.status.phase}");
}

async function runsOn(name: string, node: string): Promise<void> {
  await eventuallySays(() => nodeOf(name), new RegExp(`^${node} Running$`));
}

function whyNot(name: string): string {
  const path = '{.status.conditions[?(@.type=="PodScheduled")].message}';
  return kubectl("get", "pod", name, "-o", `jsonpath=${path}`);
}

function deletePods(...names: readonly string[]): void {
  kubectl("delete", "pod", ...names, "--grace-period=0", "--force");
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.up("--runtime", "simulated", "--nodes", "2"));
  nodes = kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split(" ");
  const status = { capacity: { [foo]: "5" }, allocatable: { [foo]: "5" } };
  for (const it of nodes) {
    const patch = JSON.stringify({ status });
    kubectl("patch", "node", it, "--subresource=status", "--type=merge", "-p", patch);
  }
  for (const [name, value] of Object.entries({ low: 1, middle: 100, high: 1_000 })) {
    kubectl("create", "priorityclass", name, `--value=${value}`);
  }
});

after(() => {
  system?.[Symbol.dispose]();
});

test("the least important pod goes, and says why", { skip }, async () => {
  const [one = "", other = ""] = nodes;
  const finalizers = ["example.com/test"];
  apply(pod("victim", { foo: 2, priority: "low", node: one, metadata: { finalizers } }));
  apply(pod("safe-1", { foo: 2, priority: "middle", node: one }));
  apply(pod("safe-2", { foo: 2, priority: "middle", node: other }));
  apply(pod("safe-3", { foo: 2, priority: "middle", node: other }));
  await runsOn("victim", one);
  await runsOn("safe-1", one);
  await runsOn("safe-2", other);
  await runsOn("safe-3", other);
  apply(pod("preemptor", { foo: 2, priority: "high" }));
  await runsOn("preemptor", one);
  const path = '{.status.conditions[?(@.type=="DisruptionTarget")].reason}';
  const reason = kubectl("get", "pod", "victim", "-o", `jsonpath=${path}`);
  assert.equal(reason, "PreemptionByScheduler");
  const events = kubectl("events", "--for", "pod/victim");
  assert.match(events, /Normal\s+Preempted\s+Pod\/victim\s+Preempted by pod \S+ on node /);
  for (const name of ["safe-1", "safe-2", "safe-3"]) {
    const at = "jsonpath={.metadata.deletionTimestamp}";
    assert.equal(kubectl("get", "pod", name, "-o", at), "");
  }
  const patch = '{"metadata":{"finalizers":null}}';
  kubectl("patch", "pod", "victim", "--type=merge", "-p", patch);
  deletePods("safe-1", "safe-2", "safe-3", "preemptor");
});

test("a Deployment's pods make room and come back as far as they fit", { skip }, async () => {
  const [one = ""] = nodes;
  const template = pod("crowd", { foo: 1, priority: "low", node: one }) as { spec: object };
  apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "crowd" },
    spec: {
      replicas: 5,
      selector: { matchLabels: { app: "crowd" } },
      template: { metadata: { labels: { app: "crowd" } }, spec: template.spec },
    },
  });
  kubectl("rollout", "status", "deployment/crowd", "--timeout=60s");
  apply(pod("big", { foo: 3, priority: "high", node: one }));
  await runsOn("big", one);
  const phases = (): string =>
    kubectl("get", "pods", "-l", "app=crowd", "-o", "jsonpath={.items[*].status.phase}");
  await eventuallySays(
    () => phases().split(" ").toSorted().join(" "),
    /^(Pending ){3}Running Running$/,
  );
  deletePods("big");
  kubectl("rollout", "status", "deployment/crowd", "--timeout=60s");
  kubectl("delete", "deployment", "crowd");
  await eventuallySays(() => kubectl("get", "pods", "-l", "app=crowd", "-o", "name"), /^$/);
});

test("who must not preempt, and who is not more important, waits", { skip }, async () => {
  const [one = ""] = nodes;
  apply(pod("full", { foo: 5, priority: "middle", node: one }));
  await runsOn("full", one);
  kubectl("create", "priorityclass", "polite", "--value=1000", "--preemption-policy=Never");
  apply(pod("polite", { foo: 1, priority: "polite", node: one }));
  await eventuallySays(() => whyNot("polite"), /not eligible due to preemptionPolicy=Never/);
  apply(pod("equal", { foo: 1, priority: "middle", node: one }));
  await eventuallySays(() => whyNot("equal"), /No preemption victims found for incoming pod/);
  assert.equal(nodeOf("full"), `${one} Running`);
  deletePods("full");
  await runsOn("polite", one);
  await runsOn("equal", one);
  deletePods("polite", "equal");
});

test("a host port is one pod's for each protocol and address", { skip }, async () => {
  const [one = ""] = nodes;
  const asking = (name: string, hostIP: string, protocol: string): object =>
    pod(name, { node: one, ports: [{ containerPort: 80, hostPort: 54_321, hostIP, protocol }] });
  apply(asking("tcp-1", "127.0.0.1", "TCP"));
  await runsOn("tcp-1", one);
  apply(asking("tcp-2", "127.0.0.2", "TCP"), asking("udp", "127.0.0.2", "UDP"));
  await runsOn("tcp-2", one);
  await runsOn("udp", one);
  apply(asking("any", "0.0.0.0", "TCP"));
  await eventuallySays(() => whyNot("any"), /didn't have free ports for the requested pod ports/);
  deletePods("tcp-1", "tcp-2");
  await runsOn("any", one);
  deletePods("any", "udp");
});

test("selectors, taints, limits and gates", { skip }, async () => {
  const [one = "", other = ""] = nodes;
  apply(pod("picky", { spec: { nodeSelector: { disk: "fast" } } }));
  await eventuallySays(
    () => whyNot("picky"),
    /2 node\(s\) didn't match Pod's node affinity\/selector/,
  );
  kubectl("label", "node", other, "disk=fast");
  await runsOn("picky", other);
  kubectl("taint", "node", one, "kept=yes:NoSchedule");
  apply(pod("kept-out", { node: one }));
  await eventuallySays(() => whyNot("kept-out"), /1 node\(s\) had untolerated taint \{kept: yes\}/);
  kubectl("taint", "node", one, "kept-");
  await runsOn("kept-out", one);
  apply(pod("greedy", { foo: 6 }));
  await eventuallySays(
    () => whyNot("greedy"),
    /2 Insufficient example\.com\/foo\. preemption: 0\/2/,
  );
  apply(pod("gated", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }));
  const gated = (): string => kubectl("get", "pod", "gated");
  assert.match(gated(), /SchedulingGated/);
  kubectl("patch", "pod", "gated", "--type=merge", "-p", '{"spec":{"schedulingGates":null}}');
  await eventuallySays(gated, /Running/);
  deletePods("picky", "kept-out", "greedy", "gated");
});
