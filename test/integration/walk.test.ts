// The first minute of a user, with real kubectl on real containers.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nodeNames } from "#main/network/node-names.ts";
import { eventuallySays } from "#testing/eventually.ts";
import {
  type CommandResult,
  GantryProcess,
  kubectls,
  ok,
  run,
  systemMissing,
} from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_443;
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

/** Asks until the answer satisfies, and shows the last one when it never does. */
function podsOf(app: string): { name: string; ip: string; id: string; restarts: number }[] {
  const { items } = JSON.parse(kubectl("get", "pods", "-l", `app=${app}`, "-o", "json")) as {
    items: {
      metadata: { name: string; deletionTimestamp?: string };
      status: {
        podIP?: string;
        containerStatuses?: { containerID: string; restartCount: number }[];
      };
    }[];
  };
  return items
    .filter((it) => it.metadata.deletionTimestamp === undefined)
    .map(({ metadata, status }) => ({
      name: metadata.name,
      ip: status.podIP ?? "",
      id: status.containerStatuses?.[0]?.containerID ?? "",
      restarts: status.containerStatuses?.[0]?.restartCount ?? -1,
    }));
}

/** What of this instance is on the machine; other instances may run beside it. */
function traces(): string[] {
  const { directory } = gantry();
  const said = [
    readFileSync("/proc/self/mountinfo", "utf8"),
    run("ps", ["-eo", "stat,args"]).stdout,
    run("sh", ["-c", `ls -d ${directory}/data /sys/fs/cgroup${cgroup} /sys/fs/cgroup/*${cgroup}`])
      .stdout,
    run("nft", ["list", "tables"]).stdout,
  ];
  return said
    .flatMap((it) => it.split("\n"))
    .filter((it) => [directory, cgroup, table].some((name) => name !== "" && it.includes(name)))
    .filter((it) => !it.startsWith("Z"));
}

let cgroup = "";
let table = "";

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  const names = nodeNames(join(system.directory, "data", "node"));
  cgroup = names.cgroupParent;
  table = names.hostTable;
  ok(system.up());
  ok(system.gantry("image", "seed"));
});

after(() => {
  system?.[Symbol.dispose]();
});

test("up: the node is ready, and a second up says that it runs", { skip }, () => {
  assert.match(kubectl("get", "nodes"), / Ready /);
  assert.match(ok(gantry().up()), /already running/);
  assert.match(ok(gantry().gantry("status")), /API server +https:\/\/127\.0\.0\.1:26443/);
});

test("a Deployment runs: three pods, each with an address that answers", { skip }, async () => {
  kubectl(
    "create",
    "deployment",
    "web",
    "--image=busybox",
    "--replicas=3",
    "--",
    "httpd",
    "-f",
    "-p",
    "8080",
    "-h",
    "/etc",
  );
  kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const pods = podsOf("web");
  assert.equal(new Set(pods.map((it) => it.ip)).size, 3);
  for (const { ip } of pods) {
    const response = await fetch(`http://${ip}:8080/passwd`);
    assert.match(await response.text(), /root/);
  }
  assert.match(
    kubectl("get", "pods", "-o", "wide"),
    /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/,
  );
});

for (const program of skip === undefined ? kubectls() : []) {
  test(`exec, logs and cp with ${program}`, () => {
    const [pod] = podsOf("web");
    assert.ok(pod !== undefined);
    function call(args: readonly string[], input: string | Buffer = ""): CommandResult {
      return gantry().kubectl(args, input, program);
    }
    assert.equal(call(["exec", pod.name, "--", "sh", "-c", "exit 3"]).code, 3);
    const bytes = randomBytes(3_000_000);
    const sum = createHash("md5").update(bytes).digest("hex");
    assert.match(ok(call(["exec", "-i", pod.name, "--", "md5sum"], bytes)), new RegExp(sum));
    ok(call(["cp", "/etc/hostname", `${pod.name}:/tmp/copied`]));
    assert.equal(
      ok(call(["exec", pod.name, "--", "cat", "/tmp/copied"])),
      readFileSync("/etc/hostname", "utf8"),
    );
    assert.match(ok(call(["explain", "pod.spec.containers.image"])), /image/i);
    ok(call(["logs", pod.name]));
  });
}

test(
  "logs: followed to the end, with times, the last lines, and of the run before",
  { skip },
  async () => {
    const script = "for i in 1 2 3; do echo line $i; sleep 1; done; exit 1";
    apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "talker" },
      spec: { containers: [{ name: "c", image: "busybox", command: ["sh", "-c", script] }] },
    });
    await eventuallySays(() => kubectl("get", "pod", "talker"), /Running/);
    assert.equal(kubectl("logs", "-f", "talker"), "line 1\nline 2\nline 3\n");
    assert.match(
      kubectl("logs", "talker", "--tail=1", "--timestamps"),
      /^\d{4}-\d\d-\d\dT\S+Z line \d\n$/,
    );
    await eventuallySays(() => kubectl("get", "pod", "talker"), /CrashLoopBackOff|Error|[1-9] \(/);
    await eventuallySays(() => gantry().kubectl(["logs", "talker", "--previous"]).stdout, /line 3/);
    kubectl("delete", "pod", "talker", "--grace-period=0", "--force");
  },
);

test(
  "a deleted pod is replaced; scaling, a bad image and undo do what they say",
  { skip },
  async () => {
    const [first] = podsOf("web");
    kubectl("delete", "pod", first?.name ?? "", "--wait=false");
    await eventuallySays(
      () => String(podsOf("web").filter((it) => it.ip !== "" && it.name !== first?.name).length),
      /^3$/,
    );
    kubectl("scale", "deployment/web", "--replicas=5");
    kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    kubectl("set", "image", "deployment/web", "busybox=busybox:none");
    await eventuallySays(() => kubectl("get", "pods"), /ErrImagePull|ImagePullBackOff/);
    kubectl("rollout", "undo", "deployment/web");
    kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    assert.match(kubectl("rollout", "history", "deployment/web"), /REVISION/);
    assert.equal(podsOf("web").length, 5);
  },
);

test(
  "a container that takes too much memory is killed, and the pod says so",
  { skip },
  async () => {
    const command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M"];
    const resources = { limits: { memory: "32Mi" } };
    const container = { name: "c", image: "busybox", command, resources };
    apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "eater" },
      spec: { restartPolicy: "Never", containers: [container] },
    });
    await eventuallySays(
      () =>
        kubectl(
          "get",
          "pod",
          "eater",
          "-o",
          "jsonpath={.status.containerStatuses[0].state.terminated.reason}",
        ),
      /OOMKilled/,
    );
  },
);

test("ConfigMaps reach a running pod, and a readiness probe gates it", { skip }, async () => {
  apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { colour: "red" },
  });
  const mount = { name: "settings", mountPath: "/settings" };
  const readinessProbe = {
    exec: { command: ["grep", "blue", "/settings/colour"] },
    periodSeconds: 1,
  };
  const env = [{ name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }];
  apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "reader" },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "c",
          image: "busybox",
          command: ["sleep", "600"],
          volumeMounts: [mount],
          readinessProbe,
          env,
        },
      ],
      volumes: [{ name: "settings", configMap: { name: "settings" } }],
    },
  });
  await eventuallySays(() => kubectl("get", "pod", "reader"), /0\/1 +Running/);
  kubectl("patch", "configmap", "settings", "-p", '{"data":{"colour":"blue"}}');
  await eventuallySays(() => kubectl("get", "pod", "reader"), /1\/1 +Running/);
  assert.notEqual(kubectl("exec", "reader", "--", "sh", "-c", "echo $NODE").trim(), "");
  kubectl("delete", "pod", "reader", "--wait=false");
});

test(
  "what depends on a deleted object goes with it, and a namespace empties",
  { skip },
  async () => {
    kubectl("create", "namespace", "away");
    kubectl("create", "deployment", "x", "--image=busybox", "-n", "away", "--", "sleep", "600");
    await eventuallySays(() => kubectl("get", "pods", "-n", "away"), /Running/);
    kubectl("delete", "deployment", "x", "-n", "away");
    await eventuallySays(() => kubectl("get", "replicasets", "-n", "away", "-o", "name"), /^$/);
    kubectl("delete", "namespace", "away", "--timeout=60s");
    assert.equal(gantry().kubectl(["get", "namespace", "away"]).code, 1);
  },
);

test("one acts as another with all the groups that were named", { skip }, () => {
  const as = ["--as", "jane", "--as-group", "ops, night", "--as-group", "dev"];
  const review = JSON.parse(kubectl("auth", "whoami", ...as, "-o", "json")) as {
    status: { userInfo: { username: string; groups: string[] } };
  };
  const { username, groups } = review.status.userInfo;
  assert.equal(username, "jane");
  assert.deepEqual(groups, ["ops, night", "dev", "system:authenticated"]);
});

const refusals: [what: string, args: string[], input: string, want: RegExp][] = [
  ["malformed YAML", ["apply", "-f", "-"], "a: [", /error parsing|did not find|yaml/i],
  [
    "an unknown field",
    ["create", "-f", "-"],
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"u"},"dta":{}}',
    /unknown field "dta"/,
  ],
  [
    "a wrong type",
    ["create", "--validate=false", "-f", "-"],
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"u"},"spec":{"replicas":"three"}}',
    /cannot unmarshal string|replicas/,
  ],
  ["a bad name", ["create", "configmap", "Upper"], "", /RFC 1123/],
  ["a missing object", ["get", "pod", "nobody"], "", /pods "nobody" not found/],
  [
    "a user without rights",
    ["get", "pods", "--as", "jane"],
    "",
    /User "jane" cannot list resource "pods" in API group "" in the namespace "default"/,
  ],
  [
    "a bad token",
    [
      "get",
      "pods",
      "--token",
      "wrong",
      "--kubeconfig",
      "/dev/null",
      "--server",
      `https://127.0.0.1:${port}`,
      "--insecure-skip-tls-verify",
    ],
    "",
    /must be logged in|Unauthorized/,
  ],
];

for (const [what, args, input, want] of refusals) {
  test(`refused with its reason: ${what}`, { skip }, () => {
    const result = gantry().kubectl(args, input);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, want);
  });
}

test("refused with its reason: a port that is taken, and up without root", { skip }, () => {
  using other = new GantryProcess(port);
  const taken = other.up("--runtime", "simulated");
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /taken by another program.*--port/s);
  const nobody = run("setpriv", [
    "--reuid=65534",
    "--clear-groups",
    process.execPath,
    "dist/gantry.js",
    "up",
    "--data-dir",
    "/tmp/gantry-nobody",
  ]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /needs root: sudo/);
});

test(
  "down and up, and a killed process: everything is there, no container restarted",
  { skip },
  async () => {
    const atFirst = podsOf("web").toSorted((a, b) => a.name.localeCompare(b.name));
    ok(gantry().gantry("down"));
    ok(gantry().up());
    assert.deepEqual(
      podsOf("web").toSorted((a, b) => a.name.localeCompare(b.name)),
      atFirst,
    );
    const pid = /process +(\d+)/.exec(ok(gantry().gantry("status")))?.[1];
    process.kill(Number(pid), "SIGKILL");
    await eventuallySays(() => gantry().gantry("status").stdout, /not running/);
    ok(gantry().up());
    assert.deepEqual(
      podsOf("web").toSorted((a, b) => a.name.localeCompare(b.name)),
      atFirst,
    );
    assert.equal(gantry().kubectl(["exec", atFirst[0]?.name ?? "", "--", "true"]).code, 0);
  },
);

test("reset leaves nothing", { skip }, () => {
  assert.ok(traces().length > 10, "traces() sees a running instance");
  ok(gantry().gantry("reset"));
  assert.deepEqual(traces(), []);
});
