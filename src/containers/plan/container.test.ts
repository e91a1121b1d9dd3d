import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, PodSpec } from "#api/gen/types.ts";
import { seededRandom } from "#base/random.ts";
import { parsePublish } from "#containers/flags/ports.ts";
import { parseVolume } from "#containers/flags/mounts.ts";
import type { ContainerOptions, ImageFacts } from "#containers/options.ts";
import {
  checkContainerName,
  planContainer,
  type ContainerRequest,
  type PlannedContainer,
} from "./container.ts";
import { madeUpName } from "./made-up-name.ts";
import { planPorts } from "./ports.ts";

const none: ContainerOptions = {
  env: [],
  envFile: [],
  volume: [],
  mount: [],
  tmpfs: [],
  volumesFrom: [],
  publish: [],
  expose: [],
  networkAlias: [],
  label: [],
  labelFile: [],
  annotation: [],
  ulimit: [],
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  groupAdd: [],
  sysctl: [],
  addHost: [],
  dns: [],
  dnsSearch: [],
  dnsOption: [],
};

function plan(
  options: Partial<ContainerOptions>,
  more: Partial<ContainerRequest> = {},
): PlannedContainer {
  return planContainer({
    image: "app",
    command: [],
    options: { ...none, ...options },
    name: "web",
    id: "0123",
    env: [],
    mounts: [],
    ports: [],
    facts: undefined,
    imagePullPolicy: "IfNotPresent",
    attached: false,
    ...more,
  });
}

function containerOf(planned: PlannedContainer): Container {
  const [container] = planned.pod.spec?.containers ?? [];
  assert.ok(container !== undefined);
  return container;
}

const containers: [options: Partial<ContainerOptions>, command: string[], want: object][] = [
  [{}, [], {}],
  [{}, ["ls", "$(HOME)"], { args: ["ls", "$$(HOME)"] }],
  [{ entrypoint: "sh" }, ["-c", "ls"], { command: ["sh"], args: ["-c", "ls"] }],
  [{ entrypoint: "" }, ["ls"], { command: ["ls"] }],
  [{ workdir: "/srv" }, [], { workingDir: "/srv" }],
  [{ tty: true, interactive: true }, [], { stdin: true, tty: true }],
  [{ user: "1000:50" }, [], { securityContext: { runAsUser: 1000, runAsGroup: 50 } }],
  [{ user: "root" }, [], { securityContext: { runAsUser: 0 } }],
  [{ readOnly: true }, [], { securityContext: { readOnlyRootFilesystem: true } }],
  [{ privileged: true }, [], { securityContext: { privileged: true } }],
  [
    { capAdd: ["cap_net_admin"], capDrop: ["ALL"] },
    [],
    { securityContext: { capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] } } },
  ],
  [
    { securityOpt: ["no-new-privileges", "seccomp=unconfined"] },
    [],
    {
      securityContext: {
        allowPrivilegeEscalation: false,
        seccompProfile: { type: "Unconfined" },
      },
    },
  ],
  [
    { memory: "64m", cpus: "1.5" },
    [],
    {
      resources: {
        limits: { cpu: "1500m", memory: "67108864" },
        requests: { cpu: "0", memory: "0" },
      },
    },
  ],
  [{ memoryReservation: "1g" }, [], { resources: { requests: { memory: "1073741824" } } }],
  [
    { cpuQuota: 50_000, memory: "1k", memorySwap: "1024" },
    [],
    {
      resources: {
        limits: { cpu: "500m", memory: "1024" },
        requests: { cpu: "0", memory: "0" },
      },
    },
  ],
  [{ stopSignal: "INT" }, [], { lifecycle: { stopSignal: "SIGINT" } }],
  [{ stopSignal: "3" }, [], { lifecycle: { stopSignal: "SIGQUIT" } }],
];

for (const [options, command, want] of containers) {
  test(`planContainer: ${JSON.stringify(options)} ${command.join(" ")}`, () => {
    const container = containerOf(plan(options, { command }));
    const basics = { name: "container", image: "app", imagePullPolicy: "IfNotPresent" };
    assert.deepEqual(container, { ...basics, ...want });
  });
}

const basicSpec = {
  restartPolicy: "Never",
  terminationGracePeriodSeconds: 10,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
};

const specs: [options: Partial<ContainerOptions>, want: Partial<PodSpec>][] = [
  [{}, {}],
  [{ restart: "always" }, { restartPolicy: "Always" }],
  [{ restart: "unless-stopped" }, { restartPolicy: "Always" }],
  [{ restart: "on-failure:3" }, { restartPolicy: "OnFailure" }],
  [{ network: "host" }, { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }],
  [{ hostname: "db" }, { hostname: "db" }],
  [{ init: true }, { shareProcessNamespace: true }],
  [{ pid: "host" }, { hostPID: true }],
  [{ stopTimeout: 0 }, { terminationGracePeriodSeconds: 0 }],
  [{ addHost: ["a:1.2.3.4"] }, { hostAliases: [{ ip: "1.2.3.4", hostnames: ["a"] }] }],
  [{ addHost: ["a:[::1]"] }, { hostAliases: [{ ip: "::1", hostnames: ["a"] }] }],
  [{ dns: ["1.1.1.1"] }, { dnsPolicy: "None", dnsConfig: { nameservers: ["1.1.1.1"] } }],
  [{ dnsOption: ["ndots:1"] }, { dnsConfig: { options: [{ name: "ndots", value: "1" }] } }],
  [
    { groupAdd: ["5"], sysctl: ["net.a=1"] },
    { securityContext: { supplementalGroups: [5], sysctls: [{ name: "net.a", value: "1" }] } },
  ],
  [
    { platform: "linux/arm64/v8" },
    { nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64" } },
  ],
  [{ stopSignal: "INT" }, { os: { name: "linux" } }],
];

for (const [options, want] of specs) {
  test(`planContainer: the pod of ${JSON.stringify(options)}`, () => {
    const { containers: own, ...spec } = plan(options).pod.spec ?? { containers: [] };
    assert.equal(own.length, 1);
    assert.deepEqual(spec, { ...basicSpec, ...want });
  });
}

const refused: [options: Partial<ContainerOptions>, why: RegExp][] = [
  [{ groupAdd: ["staff"] }, /give the number/],
  [{ restart: "sometimes" }, /--restart sometimes: expected no/],
  [{ restart: "always", rm: true }, /cannot specify both --restart and --rm/],
  [{ network: "container:db" }, /cannot join that of another/],
  [{ network: "host", hostname: "a" }, /hostname and the network mode/],
  [{ hostname: "My_Host" }, /lower case letters/],
  [{ pid: "container:a" }, /only 'host'/],
  [{ addHost: ["a"] }, /expected HOST:IP/],
  [{ addHost: ["a:b"] }, /invalid IP address/],
  [{ memory: "lots" }, /expected a size such as 512m/],
  [{ cpus: "x" }, /expected a number such as 1.5/],
  [{ securityOpt: ["seccomp=p.json"] }, /expected no-new-privileges/],
  [{ cpus: "1", cpuQuota: 50_000 }, /--cpus and --cpu-quota cannot both be set/],
  [{ memory: "1m", memorySwap: "2m" }, /containers have no swap/],
  [{ memorySwap: "-1" }, /containers have no swap/],
  [{ ulimit: ["nofile=2:1"] }, /soft limit must be less than or equal to the hard limit/],
  [{ ulimit: ["nofile=-1:1"] }, /soft limit must be less/],
  [{ ulimit: ["rtprio=1"] }, /expected NAME=SOFT\[:HARD\], of as, core/],
  [{ ulimit: ["nofile"] }, /expected NAME=SOFT/],
  [{ pidsLimit: "many" }, /expected a number/],
  [{ platform: "arm64" }, /expected os\/architecture/],
  [{ annotation: ["gantry.dev/x=1"] }, /it is ours/],
  [{ annotation: ["a b=1"] }, /--annotation a b/],
  [{ sysctl: ["a"] }, /expected NAME=VALUE/],
  [{ healthCmd: "true", healthInterval: "often" }, /no duration/],
];

for (const [options, why] of refused) {
  test(`planContainer: ${JSON.stringify(options)} is refused`, () => {
    assert.throws(() => plan(options), why);
  });
}

test("planContainer: names, labels and what only annotations can hold", () => {
  const { pod } = plan(
    { label: ["team=data", "note=two words"], network: "My_Net", rm: true },
    { name: "My_App" },
  );
  assert.equal(pod.metadata?.name, "my-app");
  assert.deepEqual(pod.metadata.labels, {
    team: "data",
    "app.kubernetes.io/managed-by": "gantry-run",
    "gantry.dev/container": "my-app",
    "gantry.dev/network-my-net": "true",
  });
  assert.deepEqual(pod.metadata.annotations, {
    "gantry.dev/container-name": "My_App",
    "gantry.dev/container-id": "0123",
    "gantry.dev/container-image": "app",
    "gantry.dev/container-labels": '{"team":"data","note":"two words"}',
    "gantry.dev/remove-after-seconds": "0",
  });
});

test("planContainer: limits of processes, and annotations of one's own", () => {
  const { pod } = plan({
    ulimit: ["nofile=1024:-1", "core=0"],
    pidsLimit: "50",
    annotation: ["example.com/a=b=c"],
  });
  const { annotations } = pod.metadata ?? {};
  const limits = "nofile=1024:unlimited core=0:0 pids=50";
  assert.equal(annotations?.["limits.gantry.dev/container"], limits);
  assert.equal(annotations["example.com/a"], "b=c");
  const unlimited = plan({ pidsLimit: "-1" }).pod.metadata?.annotations ?? {};
  assert.ok(!("limits.gantry.dev/container" in unlimited));
});

test("planContainer: attached, the process waits, and input ends with the client", () => {
  const planned = plan({ interactive: true, rm: true }, { attached: true });
  assert.equal(planned.pod.spec?.runtimeClassName, "gantry-attached");
  assert.equal(containerOf(planned).stdinOnce, true);
  assert.equal(planned.pod.metadata?.annotations?.["gantry.dev/remove-after-seconds"], "60");
});

test("planContainer: volumes, binds and memory", () => {
  const mounts = ["db:/data", "/host:/host:ro", "/anonymous", "db:/again:nocopy"].map((it) =>
    parseVolume(it, (path) => path),
  );
  const planned = plan({ shmSize: "64m" }, { mounts });
  assert.deepEqual(planned.volumes, ["db"]);
  assert.deepEqual(planned.pod.spec?.volumes, [
    { name: "volume-1", persistentVolumeClaim: { claimName: "db" } },
    { name: "volume-2", hostPath: { path: "/host", type: "DirectoryOrCreate" } },
    { name: "volume-3", emptyDir: {} },
    { name: "volume-4", emptyDir: { medium: "Memory", sizeLimit: "67108864" } },
  ]);
  assert.deepEqual(containerOf(planned).volumeMounts, [
    { name: "volume-1", mountPath: "/data" },
    { name: "volume-2", mountPath: "/host", readOnly: true },
    { name: "volume-3", mountPath: "/anonymous" },
    { name: "volume-1", mountPath: "/again" },
    { name: "volume-4", mountPath: "/dev/shm" },
  ]);
  assert.equal(planned.pod.metadata?.annotations?.["gantry.dev/fill-volumes"], "volume-1,volume-3");
  const twice = ["/a:/b", "c1:/b"].map((it) => parseVolume(it, (path) => path));
  assert.throws(() => plan({}, { mounts: twice }), /Duplicate mount point: \/b/);
});

test("planContainer: what the image says counts where flags do not", () => {
  const facts: ImageFacts = {
    command: ["httpd"],
    exposed: [],
    stopSignal: "SIGQUIT",
    health: { Test: ["CMD", "true"], Interval: 5_000_000_000, Retries: 2 },
  };
  const container = containerOf(plan({}, { facts }));
  assert.deepEqual(container.lifecycle, { stopSignal: "SIGQUIT" });
  assert.equal(container.readinessProbe?.periodSeconds, 5);
  assert.equal(container.readinessProbe.failureThreshold, 2);
  const flags = containerOf(plan({ healthCmd: "x", healthInterval: "1m" }, { facts }));
  assert.deepEqual(flags.readinessProbe?.exec?.command, ["/bin/sh", "-c", "x"]);
  assert.equal(flags.readinessProbe.periodSeconds, 60);
  assert.equal(containerOf(plan({ healthcheck: false }, { facts })).readinessProbe, undefined);
});

test("checkContainerName: Docker's rule", () => {
  assert.equal(checkContainerName("a_b.c-1"), "a_b.c-1");
  for (const it of ["", "a", "-a", "a b", "a/b", "._"]) {
    assert.throws(() => checkContainerName(it), /Invalid container name/);
  }
});

test("planPorts: free ones where any will do, and none twice", () => {
  const planned = planPorts(
    ["80", "81", "9000:82"].flatMap(parsePublish),
    new Set(["tcp/32768"]),
    0,
  );
  assert.deepEqual(
    planned.map((it) => it.hostPort),
    [32_769, 32_770, 9_000],
  );
  const range = planPorts(parsePublish("8000-8001:80"), new Set(["tcp/8000"]), 0);
  assert.equal(range[0]?.hostPort, 8_001);
  const full = new Set(["tcp/8000", "tcp/8001"]);
  assert.throws(() => planPorts(parsePublish("8000-8001:80"), full, 0), /no port of 8000-8001/);
});

test("madeUpName: may be a container's", () => {
  const random = seededRandom(1);
  for (let i = 0; i < 20; i++) checkContainerName(madeUpName(random));
});
