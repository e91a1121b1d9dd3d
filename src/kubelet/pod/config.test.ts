import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, PodSecurityContext, PodSpec } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { parseResolvConf, podDns, type NodeDns } from "./dns.ts";
import { qosClass } from "./qos.ts";
import { containerResources, podLimits, podRequests } from "./resources.ts";
import { podHostname, sandboxConfig, sandboxProblem } from "./sandbox-config.ts";
import { containerSecurity, nonRootProblem } from "./security.ts";

const gi = 1024 ** 3;

function withResources(requests: string, limits: string): Partial<Container> {
  const parse = (text: string): Record<string, string> =>
    Object.fromEntries(
      text
        .split(" ")
        .filter(Boolean)
        .map((it) => it.split("=") as [string, string]),
    );
  return { resources: { requests: parse(requests), limits: parse(limits) } };
}

const amounts: [requests: string, limits: string, want: string][] = [
  ["", "", "BestEffort shares=2 quota=0 memory=0 oom=1000"],
  ["cpu=500m memory=1Gi", "", "Burstable shares=512 quota=0 memory=0 oom=750"],
  ["cpu=1", "memory=1Gi", "Burstable shares=1024 quota=0 memory=1073741824 oom=750"],
  ["", "cpu=100m memory=1Gi", "Guaranteed shares=102 quota=10000 memory=1073741824 oom=-997"],
  [
    "cpu=1 memory=1Gi",
    "cpu=1 memory=1Gi",
    "Guaranteed shares=1024 quota=100000 memory=1073741824 oom=-997",
  ],
  ["memory=4Gi", "", "Burstable shares=2 quota=0 memory=0 oom=3"],
  ["memory=1", "", "Burstable shares=2 quota=0 memory=0 oom=999"],
  ["", "cpu=1m", "Burstable shares=2 quota=1000 memory=0 oom=999"],
];

for (const [requests, limits, want] of amounts) {
  test(`containerResources: [${requests}] [${limits}] -> ${want}`, () => {
    const container = containerOf("app", withResources(requests, limits));
    const pod = podOf({ containers: [container] });
    const got = containerResources(pod, container, 4 * gi);
    const shown = `shares=${got.cpuShares} quota=${got.cpuQuota} memory=${got.memoryLimitBytes} oom=${got.oomScoreAdj}`;
    assert.equal(`${qosClass(pod)} ${shown}`, want);
  });
}

test("podRequests: containers add up, the largest init container counts if it is more", () => {
  const pod = podOf({
    initContainers: [
      containerOf("i", withResources("cpu=3 memory=1Gi", "")),
      containerOf("s", { ...withResources("cpu=500m", ""), restartPolicy: "Always" }),
    ],
    containers: [
      containerOf("a", withResources("cpu=1 memory=1Gi", "")),
      containerOf("b", withResources("cpu=1 memory=1Gi", "memory=2Gi")),
    ],
  });
  assert.deepEqual(podRequests(pod), { cpuMillis: 3_000, memoryBytes: 2 * gi });
  assert.deepEqual(podLimits(pod), {});
});

test("podLimits: only when every container has one", () => {
  const pod = podOf({
    containers: [
      containerOf("a", withResources("", "cpu=1 memory=1Gi")),
      containerOf("b", withResources("", "memory=1Gi")),
    ],
  });
  assert.deepEqual(podLimits(pod), { memoryBytes: 2 * gi });
});

const root = { uid: 0, username: "" };
const named = { uid: undefined, username: "app" };
const numeric = { uid: 1000, username: "" };
const nonRoot: [
  pod: PodSecurityContext,
  own: Container["securityContext"],
  image: typeof root | typeof named,
  want: RegExp | undefined,
][] = [
  [{}, {}, root, undefined],
  [{ runAsNonRoot: true }, {}, root, /image will run as root/],
  [{ runAsNonRoot: true }, {}, { uid: undefined, username: "" }, /image will run as root/],
  [{ runAsNonRoot: true }, {}, named, /non-numeric user \(app\)/],
  [{ runAsNonRoot: true }, {}, numeric, undefined],
  [{ runAsNonRoot: true }, { runAsUser: 0 }, numeric, /breaks non-root policy/],
  [{ runAsNonRoot: true, runAsUser: 7 }, {}, root, undefined],
  [{ runAsNonRoot: true }, { runAsNonRoot: false }, root, undefined],
];

for (const [securityContext, own, image, want] of nonRoot) {
  test(`nonRootProblem: ${JSON.stringify([securityContext, own, image])} -> ${String(want)}`, () => {
    const container = containerOf("app", { securityContext: own });
    const got = nonRootProblem(podOf({ securityContext }), container, image);
    if (want === undefined) assert.equal(got, undefined);
    else assert.match(got ?? "", want);
  });
}

test("containerSecurity: the container's settings go before the pod's", () => {
  const pod = podOf({
    securityContext: {
      runAsUser: 1,
      fsGroup: 5,
      supplementalGroups: [4],
      seccompProfile: { type: "RuntimeDefault" },
    },
  });
  const own = containerOf("app", {
    securityContext: { runAsUser: 2, allowPrivilegeEscalation: false },
  });
  const got = containerSecurity(pod, own, numeric, "/s");
  assert.equal(got.runAsUser, 2);
  assert.deepEqual(got.supplementalGroups, [4, 5]);
  assert.deepEqual(got.seccomp, { kind: "runtime-default" });
  assert.equal(got.noNewPrivileges, true);
  assert.ok(got.maskedPaths.includes("/proc/kcore"));
  const privileged = containerOf("app", { securityContext: { privileged: true } });
  assert.deepEqual(containerSecurity(pod, privileged, numeric, "/s").maskedPaths, []);
});

const users: [
  own: Container["securityContext"],
  image: typeof root | typeof named,
  want: string,
][] = [
  [{}, root, "0::"],
  [{}, numeric, "1000::"],
  [{}, named, ":app:"],
  [{ runAsGroup: 7 }, named, ":app:7"],
  [{ runAsUser: 5 }, named, "5::"],
];

for (const [own, image, want] of users) {
  test(`containerSecurity: user of ${JSON.stringify([own, image])} -> ${want}`, () => {
    const container = containerOf("app", { securityContext: own });
    const got = containerSecurity(podOf(), container, image, "/s");
    const { runAsUser = "", runAsUsername = "", runAsGroup = "" } = got;
    assert.equal([runAsUser, runAsUsername, runAsGroup].join(":"), want);
  });
}

for (const [words, own, want] of [
  ["web", {}, ":web:"],
  ["web:mail", { runAsGroup: 7 }, ":web:mail:"],
  ["7:mail", {}, ":7:mail:"],
  ["web", { runAsUser: 5 }, "5::"],
] as const) {
  test(`containerSecurity: the user ${words} of an annotation -> ${want}`, () => {
    const pod = podOf();
    const annotations = { "user.gantry.dev/app": words };
    const named = { ...pod, metadata: { ...pod.metadata, annotations } };
    const container = containerOf("app", { securityContext: own });
    const got = containerSecurity(named, container, root, "/s");
    const { runAsUser = "", runAsUsername = "", runAsGroup = "" } = got;
    assert.equal([runAsUser, runAsUsername, runAsGroup].join(":"), want);
    const nonRoot = {
      ...named,
      spec: { ...named.spec, containers: [], securityContext: { runAsNonRoot: true } },
    };
    const problem = nonRootProblem(nonRoot, container, numeric);
    if (want === ":web:") assert.match(problem ?? "", /non-numeric user \(web\)/);
  });
}

test("containerSecurity: profiles of the node are below its directory", () => {
  const seccompProfile = { type: "Localhost", localhostProfile: "profiles/audit.json" };
  const container = containerOf("app", { securityContext: { seccompProfile } });
  assert.deepEqual(containerSecurity(podOf(), container, root, "/s").seccomp, {
    kind: "localhost",
    path: "/s/profiles/audit.json",
  });
});

const dns: NodeDns = {
  clusterServers: ["10.96.0.10"],
  clusterDomain: "cluster.local",
  node: { servers: ["192.0.2.1"], searches: ["lan"], options: ["edns0"] },
};
const cluster = "10.96.0.10|default.svc.cluster.local svc.cluster.local cluster.local lan|ndots:5";
const resolvers: [spec: Partial<PodSpec>, want: string][] = [
  [{}, cluster],
  [{ dnsPolicy: "Default" }, "192.0.2.1|lan|edns0"],
  [{ hostNetwork: true }, "192.0.2.1|lan|edns0"],
  [{ hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }, cluster],
  [
    {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["1.1.1.1"],
        searches: ["x"],
        options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
      },
    },
    "1.1.1.1|x|ndots:2 rotate",
  ],
  [
    { dnsConfig: { options: [{ name: "ndots", value: "2" }] } },
    cluster.replace("ndots:5", "ndots:2"),
  ],
];

for (const [spec, want] of resolvers) {
  test(`podDns: ${JSON.stringify(spec)} -> ${want}`, () => {
    const got = podDns(podOf(spec), dns);
    assert.equal(
      [got.servers, got.searches, got.options].map((it) => it.join(" ")).join("|"),
      want,
    );
  });
}

test("parseResolvConf: reads servers, searches and options, and nothing else", () => {
  const text =
    "# a comment\nnameserver 192.0.2.1\nsearch a b\noptions ndots:1 rotate\nsortlist x\n";
  assert.deepEqual(parseResolvConf(text), {
    servers: ["192.0.2.1"],
    searches: ["a", "b"],
    options: ["ndots:1", "rotate"],
  });
});

const hostnames: [spec: Partial<PodSpec>, want: string][] = [
  [{}, "web"],
  [{ hostname: "h" }, "h"],
  [{ hostNetwork: true }, "node-1"],
  [{ hostname: "h", subdomain: "s", setHostnameAsFQDN: true }, "h.s.default.svc.cluster.local"],
];

for (const [spec, want] of hostnames) {
  test(`podHostname: ${JSON.stringify(spec)} -> ${want}`, () => {
    assert.equal(podHostname(podOf(spec), { dns, nodeName: "node-1" }), want);
  });
}

const problems: [spec: Partial<PodSpec>, want: RegExp | undefined][] = [
  [{}, undefined],
  [{ hostUsers: true }, undefined],
  [{ hostUsers: false }, /^can't set `spec.hostUsers: false`, runtime does not support/],
  [
    { hostname: "h".repeat(40), subdomain: "s", setHostnameAsFQDN: true },
    /FQDN h+\.s\.default\.svc\.cluster\.local is too long \(64 characters is the max, 68 char/,
  ],
  [{ hostname: "h".repeat(40), subdomain: "s" }, undefined],
];

for (const [spec, want] of problems) {
  test(`sandboxProblem: ${JSON.stringify(spec)} -> ${String(want)}`, () => {
    const place = { dns, nodeName: "node-1", runtimeHandler: "" };
    const got = sandboxProblem(podOf(spec), place);
    if (want === undefined) assert.equal(got, undefined);
    else assert.match(got ?? "", want);
  });
}

test("sandboxConfig: a privileged container makes the sandbox privileged", () => {
  const pod = podOf({
    containers: [containerOf("app", { securityContext: { privileged: true } })],
    hostPID: true,
  });
  const place = {
    attempt: 2,
    dns,
    logDirectory: "/l",
    cgroupParent: "/c",
    nodeName: "node-1",
    runtimeHandler: "",
  };
  const config = sandboxConfig(pod, place);
  assert.deepEqual(
    [config.privileged, config.pid, config.metadata.attempt, config.labels],
    [
      true,
      "node",
      2,
      {
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "u1",
      },
    ],
  );
});
