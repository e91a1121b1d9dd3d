// StatefulSets and DaemonSets on two nodes with real containers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_943;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function apply(manifest: object): void {
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(manifest)));
}

function template(app: string, version: string): object {
  const env = [{ name: "VERSION", value: version }];
  const mounts = app === "db" ? { volumeMounts: [{ name: "data", mountPath: "/data" }] } : {};
  const container = { name: "c", image: "busybox", command: ["sleep", "1000"], env, ...mounts };
  return {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  };
}

function statefulSet(version: string, spec: object = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: template("db", version),
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
        },
      ],
      ...spec,
    },
  };
}

function daemonSet(version: string): object {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "agent" },
    spec: { selector: { matchLabels: { app: "agent" } }, template: template("agent", version) },
  };
}

function versionOf(pod: string): string {
  return kubectl("exec", pod, "--", "sh", "-c", "echo $VERSION").trim();
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.gantry("image", "seed"));
  ok(system.up("--nodes", "2"));
});
after(() => {
  system?.[Symbol.dispose]();
});

test(
  "replicas of a StatefulSet come in order, with names and data of their own",
  { skip },
  async () => {
    apply(statefulSet("one"));
    kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
    const times = kubectl(
      "get",
      "pods",
      "-l",
      "app=db",
      "--sort-by=.metadata.name",
      "-o",
      "jsonpath={range .items[*]}{.metadata.name} {.spec.hostname} {end}",
    );
    assert.equal(times.trim(), "db-0 db-0 db-1 db-1");
    kubectl("exec", "db-0", "--", "sh", "-c", "echo kept > /data/file");
    const before_ = kubectl("get", "pod", "db-0", "-o", "jsonpath={.metadata.uid}");
    kubectl("delete", "pod", "db-0");
    await eventuallySays(
      () =>
        gantry().kubectl(["get", "pod", "db-0", "-o", "jsonpath={.metadata.uid} {.status.phase}"])
          .stdout,
      new RegExp(`^(?!${before_}).* Running$`),
    );
    assert.equal(kubectl("exec", "db-0", "--", "cat", "/data/file").trim(), "kept");
  },
);

test("a StatefulSet rolls to a partition, on, and back", { skip }, () => {
  apply(statefulSet("two", { updateStrategy: { rollingUpdate: { partition: 1 } } }));
  kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
  assert.deepEqual([versionOf("db-0"), versionOf("db-1")], ["one", "two"]);
  apply(statefulSet("two", { updateStrategy: { rollingUpdate: { partition: 0 } } }));
  kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
  assert.deepEqual([versionOf("db-0"), versionOf("db-1")], ["two", "two"]);
  assert.match(kubectl("rollout", "history", "statefulset/db"), /^1 .*\n2 /m);
  kubectl("rollout", "undo", "statefulset/db");
  kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
  assert.deepEqual([versionOf("db-0"), versionOf("db-1")], ["one", "one"]);
});

test("fewer replicas leave their claims, and more find them again", { skip }, async () => {
  kubectl("exec", "db-1", "--", "sh", "-c", "echo second > /data/file");
  kubectl("scale", "statefulset/db", "--replicas=1");
  await eventuallySays(() => kubectl("get", "pods", "-l", "app=db", "-o", "name"), /^pod\/db-0\n$/);
  assert.match(kubectl("get", "pvc"), /data-db-1 +Bound/);
  kubectl("scale", "statefulset/db", "--replicas=2");
  kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
  assert.equal(kubectl("exec", "db-1", "--", "cat", "/data/file").trim(), "second");
});

test("a DaemonSet has a pod on every node, is updated, and goes back", { skip }, () => {
  apply(daemonSet("one"));
  kubectl("rollout", "status", "daemonset/agent", "--timeout=60s");
  const wide = (): string[] =>
    kubectl("get", "pods", "-l", "app=agent", "-o", "jsonpath={.items[*].spec.nodeName}")
      .split(" ")
      .sort();
  const nodes = kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
    .split(" ")
    .sort();
  assert.deepEqual(wide(), nodes);
  apply(daemonSet("two"));
  kubectl("rollout", "status", "daemonset/agent", "--timeout=60s");
  const names = (): string[] =>
    kubectl("get", "pods", "-l", "app=agent", "-o", "jsonpath={.items[*].metadata.name}").split(
      " ",
    );
  assert.deepEqual(names().map(versionOf), ["two", "two"]);
  kubectl("rollout", "undo", "daemonset/agent");
  kubectl("rollout", "status", "daemonset/agent", "--timeout=60s");
  assert.deepEqual(names().map(versionOf), ["one", "one"]);
});

test(
  "a drained node keeps its daemon, and a deleted DaemonSet leaves no pod",
  { skip },
  async () => {
    const [, second = ""] = kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
      .split(" ")
      .sort();
    kubectl(
      "drain",
      second,
      "--ignore-daemonsets",
      "--delete-emptydir-data",
      "--timeout=60s",
      "--force",
    );
    const there = kubectl(
      "get",
      "pods",
      "-l",
      "app=agent",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    );
    assert.ok(there.includes(second), there);
    kubectl("uncordon", second);
    kubectl("delete", "daemonset", "agent");
    await eventuallySays(() => kubectl("get", "pods", "-l", "app=agent", "-o", "name"), /^$/);
  },
);

test("a drain waits for the budget of its pods", { skip }, async () => {
  const labels = { app: "web" };
  const command = ["sleep", "1000"];
  const containers = [{ name: "c", image: "busybox", command }];
  apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers } },
    },
  });
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  apply({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web" },
    spec: { minAvailable: 2, selector: { matchLabels: { app: "web" } } },
  });
  await eventuallySays(() => kubectl("get", "pdb", "web"), /web +2 +N\/A +0 /);
  const first = "jsonpath={.items[0].spec.nodeName}";
  const node = kubectl("get", "pods", "-l", "app=web", "-o", first);
  const drain = ["drain", node, "--ignore-daemonsets", "--pod-selector=app=web"];
  const refused = gantry().kubectl([...drain, "--timeout=2s"]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /would violate the pod's disruption budget/);
  assert.equal(kubectl("get", "pods", "-l", "app=web", "-o", "name").trim().split("\n").length, 2);
  kubectl("patch", "pdb", "web", "--type=merge", "-p", '{"spec":{"minAvailable":1}}');
  await eventuallySays(() => kubectl("get", "pdb", "web"), /web +1 +N\/A +1 /);
  kubectl(...drain, "--timeout=90s");
  const field = `--field-selector=spec.nodeName=${node}`;
  assert.equal(kubectl("get", "pods", "-l", "app=web", field, "-o", "name"), "");
});

test("a Deployment that asks for it returns to its last healthy revision", { skip }, async () => {
  const labels = { app: "self-healing" };
  const manifest = (command: readonly string[]): object => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "self-healing",
      annotations: {
        "gantry.dev/auto-rollback": "true",
        "gantry.dev/healthy-after-seconds": "1",
        "gantry.dev/crash-loop-restarts": "1",
      },
    },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 5,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: "c", image: "busybox", command }],
        },
      },
    },
  });
  const command = "jsonpath={.spec.template.spec.containers[0].command}";
  const read = () => kubectl("get", "deployment", "self-healing", "-o", command);
  apply(manifest(["sleep", "1000"]));
  kubectl("rollout", "status", "deployment/self-healing", "--timeout=60s");
  const marks = "jsonpath={.items[*].metadata.annotations.gantry\\.dev/healthy}";
  await eventuallySays(
    () => kubectl("get", "replicasets", "-l", "app=self-healing", "-o", marks),
    /^true$/,
  );

  for (const [broken, why] of [
    [
      ["sh", "-c", "sleep 0.2; exit 7"],
      /Rolled back from revision 2 to revision 1: container c .*exit code 7/,
    ],
    [["/no/such/program"], /Rolled back from revision 4 to revision 3: /],
  ] as const) {
    apply(manifest(broken));
    await eventuallySays(read, /sleep","1000/);
    kubectl("rollout", "status", "deployment/self-healing", "--timeout=60s");
    const events = ["events", "--for=deployment/self-healing"];
    await eventuallySays(() => kubectl(...events), why);
  }
});
