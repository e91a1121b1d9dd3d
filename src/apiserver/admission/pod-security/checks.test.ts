import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec, SecurityContext } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { violationsOf } from "./checks.ts";
import type { Level } from "./policy.ts";
import { subjectOf } from "./subject.ts";

type Spec = Loose<PodSpec>;
type Annotations = Record<string, string>;

/** `<reason> (<detail>)` of each violation. */
function found(level: Level, minor: number, spec: Spec, annotations: Annotations = {}): string[] {
  return violationsOf({ level, minor }, subjectOf({ metadata: { annotations }, spec })).map(
    (it) => `${it.reason} (${it.detail})`,
  );
}

function ofContainer(securityContext: Loose<SecurityContext>): Spec {
  return { containers: [{ name: "a", securityContext }] };
}

/** What `restricted` wants at least. */
const good = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

type Case = [what: string, since: number, spec: Spec, want: string[], annotations?: Annotations];

const baseline: Case[] = [
  ["a plain pod", 0, { containers: [{ name: "a" }] }, []],
  [
    "host namespaces",
    0,
    { hostNetwork: true, hostPID: true, hostIPC: true },
    ["host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)"],
  ],
  [
    "privileged containers of each kind",
    0,
    {
      containers: [{ name: "a", securityContext: { privileged: true } }],
      initContainers: [{ name: "i", securityContext: { privileged: true } }],
      ephemeralContainers: [{ name: "e", securityContext: { privileged: true } }],
    },
    ['privileged (containers "i", "a", "e" must not set securityContext.privileged=true)'],
  ],
  [
    "capabilities",
    0,
    ofContainer({ capabilities: { add: ["NET_RAW", "CHOWN", "BPF"] } }),
    [
      'non-default capabilities (container "a" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
    ],
  ],
  [
    "directories of the host",
    0,
    {
      volumes: [
        { name: "v", hostPath: { path: "/" } },
        { name: "w", hostPath: {} },
      ],
    },
    ['hostPath volumes (volumes "v", "w")'],
  ],
  [
    "ports of the host",
    0,
    {
      containers: [
        { name: "a", ports: [{ hostPort: 90 }, { hostPort: 80 }, { containerPort: 1 }] },
      ],
    },
    ['hostPort (container "a" uses hostPorts 80, 90)'],
  ],
  [
    "hosts in probes and hooks",
    34,
    {
      containers: [
        {
          name: "a",
          livenessProbe: { httpGet: { host: "h" } },
          lifecycle: { preStop: { tcpSocket: { host: "g" } } },
        },
      ],
    },
    ['probe or lifecycle host (container "a" uses probe or lifecycle hosts "g", "h")'],
  ],
  [
    "AppArmor",
    0,
    {
      securityContext: { appArmorProfile: { type: "Unconfined" } },
      containers: [
        { name: "a", securityContext: { appArmorProfile: { type: "Localhost" } } },
        { name: "b", securityContext: { appArmorProfile: { type: "Unconfined" } } },
      ],
    },
    [
      'forbidden AppArmor profile (pod and container "b" must not set AppArmor profile type to "Unconfined")',
    ],
  ],
  [
    "AppArmor by annotation",
    0,
    {},
    [
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    ],
    { "container.apparmor.security.beta.kubernetes.io/a": "unconfined" },
  ],
  [
    "SELinux",
    0,
    {
      securityContext: { seLinuxOptions: { type: "spc_t", user: "u" } },
      containers: [{ name: "a", securityContext: { seLinuxOptions: { role: "r" } } }],
    },
    [
      'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
  ],
  [
    "unmasked /proc",
    0,
    ofContainer({ procMount: "Unmasked" }),
    ['procMount (container "a" must not set securityContext.procMount to "Unmasked")'],
  ],
  [
    "seccomp",
    19,
    ofContainer({ seccompProfile: { type: "Unconfined" } }),
    [
      'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
  ],
  [
    "sysctls",
    0,
    {
      securityContext: {
        sysctls: [{ name: "kernel.msgmax" }, { name: "net.ipv4.tcp_syncookies" }],
      },
    },
    ["forbidden sysctls (kernel.msgmax)"],
  ],
  [
    "processes of a Windows host",
    0,
    { securityContext: { windowsOptions: { hostProcess: true } } },
    ["hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"],
  ],
];

for (const [what, since, spec, want, annotations] of baseline) {
  test(`baseline: ${what} -> ${want.join("; ") || "allowed"}`, () => {
    assert.deepEqual(found("baseline", Number.POSITIVE_INFINITY, spec, annotations), want);
    assert.deepEqual(found("baseline", since, spec, annotations), want);
    if (since > 0) assert.deepEqual(found("baseline", since - 1, spec, annotations), []);
    assert.deepEqual(found("privileged", since, spec, annotations), []);
  });
}

const restricted: Case[] = [
  ["what asks for little", 22, ofContainer(good), []],
  [
    "the pod may say it for its containers",
    22,
    {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "Localhost" } },
      containers: [
        {
          name: "a",
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
          },
        },
      ],
    },
    [],
  ],
  [
    "privilege escalation",
    8,
    ofContainer({ ...good, allowPrivilegeEscalation: undefined }),
    [
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
    ],
  ],
  [
    "capabilities kept and added",
    22,
    ofContainer({ ...good, capabilities: { add: ["CHOWN"] } }),
    [
      'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
  ],
  [
    "volumes",
    0,
    {
      ...ofContainer(good),
      volumes: [
        { name: "n", nfs: {} },
        { name: "h", hostPath: {} },
        { name: "c", configMap: {} },
      ],
    },
    ['restricted volume types (volumes "n", "h" use restricted volume types "hostPath", "nfs")'],
  ],
  [
    "runAsNonRoot unsaid",
    0,
    ofContainer({ ...good, runAsNonRoot: undefined }),
    ['runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)'],
  ],
  [
    "runAsNonRoot denied",
    0,
    { ...ofContainer({ ...good, runAsNonRoot: false }), securityContext: { runAsNonRoot: false } },
    [
      'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
    ],
  ],
  [
    "root by number",
    23,
    ofContainer({ ...good, runAsUser: 0 }),
    ['runAsUser=0 (container "a" must not set runAsUser=0)'],
  ],
  [
    "seccomp unsaid",
    19,
    ofContainer({ ...good, seccompProfile: undefined }),
    [
      'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
  ],
];

for (const [what, since, spec, want] of restricted) {
  test(`restricted: ${what} -> ${want.join("; ") || "allowed"}`, () => {
    assert.deepEqual(found("restricted", Number.POSITIVE_INFINITY, spec), want);
    assert.deepEqual(found("restricted", Math.max(since, 22), spec), want);
    if (since > 0 && want.length > 0) assert.deepEqual(found("restricted", since - 1, spec), []);
  });
}

const all = { containers: [{ name: "a" }] };
const versions: [what: string, level: Level, at: number, spec: Spec, want: number][] = [
  ["Windows pods before 1.25", "restricted", 24, { ...all, os: { name: "windows" } }, 4],
  ["Windows pods since 1.25", "restricted", 25, { ...all, os: { name: "windows" } }, 1],
  ["own users before 1.35", "restricted", 34, { ...all, hostUsers: false }, 4],
  ["own users since 1.35", "restricted", 35, { ...all, hostUsers: false }, 3],
  [
    "unmasked /proc of own users, baseline",
    "baseline",
    35,
    { ...ofContainer({ procMount: "Unmasked" }), hostUsers: false },
    0,
  ],
  [
    "unmasked /proc of own users, restricted",
    "restricted",
    35,
    { ...ofContainer({ ...good, procMount: "Unmasked" }), hostUsers: false },
    1,
  ],
  [
    "the type of container engines before 1.31",
    "baseline",
    30,
    ofContainer({ seLinuxOptions: { type: "container_engine_t" } }),
    1,
  ],
  [
    "the type of container engines since 1.31",
    "baseline",
    31,
    ofContainer({ seLinuxOptions: { type: "container_engine_t" } }),
    0,
  ],
  [
    "a sysctl that became safe, before",
    "baseline",
    31,
    { securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem" }] } },
    1,
  ],
  [
    "a sysctl that became safe",
    "baseline",
    32,
    { securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem" }] } },
    0,
  ],
];

for (const [what, level, at, spec, want] of versions) {
  test(`${level} 1.${at}: ${what} -> ${want} violations`, () => {
    assert.equal(found(level, at, spec).length, want);
  });
}

test("baseline 1.18: seccomp profiles are annotations", () => {
  const annotations = {
    "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
    "container.seccomp.security.alpha.kubernetes.io/a": "docker/default",
  };
  assert.deepEqual(found("baseline", 18, all, annotations), [
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  ]);
  assert.deepEqual(found("baseline", 19, all, annotations), []);
});

test("restricted: several violations come in the order of upstream's messages", () => {
  const want = [
    "privileged",
    "allowPrivilegeEscalation != false",
    "unrestricted capabilities",
    "runAsNonRoot != true",
    "seccompProfile",
  ];
  const pod = subjectOf({ spec: ofContainer({ privileged: true }) });
  const got = violationsOf({ level: "restricted", minor: 36 }, pod).map((it) => it.reason);
  assert.deepEqual(got, want);
});
