import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerState, Pod, PodStatus } from "#api/gen/types.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import { containerOf, exited, instance, podOf, sandbox } from "#testing/pod-fixtures.ts";
import { newestFirst } from "./containers.ts";
import type { StatusInput } from "./status-input.ts";
import { statusPatch } from "./status-patch.ts";
import { noResize } from "./resize.ts";
import { podStatus } from "./status.ts";

function inputOf(pod: Pod, more: Partial<StatusInput> = {}): StatusInput {
  return {
    pod,
    vanished: false,
    observed: { sandboxes: [sandbox()], containers: [] },
    probes: new Map(),
    failures: new Map(),
    busy: new Set(),
    killDeadlines: new Map(),
    replaced: new Set(),
    verdict: undefined,
    stoppingSinceMs: undefined,
    stoppedSandboxes: new Set(),
    actuated: { containers: new Map(), pod: undefined, group: "settled" },
    resize: noResize,
    sandboxAttemptMin: 0,
    tornDown: false,
    nowMs: 100_000,
    previous: pod.status ?? {},
    stopping: false,
    waiting: new Map(),
    runtimeName: "containerd",
    hostIps: ["10.0.0.1"],
    ...more,
  };
}

function observed(...containers: ContainerStatus[]): Pick<StatusInput, "observed"> {
  return { observed: { sandboxes: [sandbox()], containers: containers.sort(newestFirst) } };
}

/** `app=running`, `app=waiting:CrashLoopBackOff`, `app=terminated:Error(1)`, `+` when ready. */
function show(status: PodStatus): string {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const parts = all.map((it) => {
    const last = it.lastState?.terminated === undefined ? "" : `<${stateText(it.lastState)}`;
    const count = it.restartCount > 0 ? `#${it.restartCount}` : "";
    return `${it.name}=${stateText(it.state ?? {})}${count}${last}${it.ready ? "+" : ""}`;
  });
  const yes = (status.conditions ?? [])
    .filter((it) => it.status === "True")
    .map((it) => it.type.replace(/[a-z]/g, ""));
  return `${status.phase ?? ""} ${parts.join(" ")} [${yes.join(" ")}]`;
}

function stateText(state: ContainerState): string {
  if (state.running !== undefined) return "running";
  if (state.terminated !== undefined) {
    return `${state.terminated.reason ?? ""}(${state.terminated.exitCode})`;
  }
  return `waiting:${state.waiting?.reason ?? ""}`;
}

const plain = podOf();
const never = podOf({ restartPolicy: "Never" });
const inits = podOf({ initContainers: [containerOf("i1")] });
const sidecar = podOf({ initContainers: [containerOf("s1", { restartPolicy: "Always" })] });
const gated = podOf({ readinessGates: [{ conditionType: "example.com/gate" }] });
const gateOpen: Pod = {
  ...gated,
  status: { conditions: [{ type: "example.com/gate", status: "True" }] },
};
const crash = new Map([["app", { reason: "CrashLoopBackOff", message: "back-off" }]]);
const running: PodStatus = { phase: "Running" };
const verdict = { reason: "DeadlineExceeded", message: "late" };

const cases: [name: string, pod: Pod, input: Partial<StatusInput>, want: string][] = [
  [
    "new",
    plain,
    { observed: { sandboxes: [], containers: [] } },
    "Pending app=waiting:ContainerCreating [I PS]",
  ],
  ["sandbox", plain, {}, "Pending app=waiting:ContainerCreating [PRTSC I PS]"],
  ["running", plain, observed(instance("app")), "Running app=running+ [PRTSC I R CR PS]"],
  [
    "readiness unknown",
    plain,
    { ...observed(instance("app")), probes: new Map([["app-0", { readiness: "unknown" }]]) },
    "Running app=running [PRTSC I PS]",
  ],
  [
    "startup pending hides readiness",
    plain,
    {
      ...observed(instance("app")),
      probes: new Map([["app-0", { startup: "unknown", readiness: "success" }]]),
    },
    "Running app=running [PRTSC I PS]",
  ],
  [
    "restarted",
    plain,
    observed(instance("app", { attempt: 1 }), exited("app", { exitCode: 2 })),
    "Running app=running#1<Error(2)+ [PRTSC I R CR PS]",
  ],
  [
    "crash loop",
    plain,
    { ...observed(exited("app", { exitCode: 1, attempt: 3 })), waiting: crash },
    "Running app=waiting:CrashLoopBackOff#3<Error(1) [PRTSC I PS]",
  ],
  [
    "image cannot be pulled",
    plain,
    { waiting: new Map([["app", { reason: "ErrImagePull", message: "" }]]) },
    "Pending app=waiting:ErrImagePull [PRTSC I PS]",
  ],
  [
    "out of memory",
    never,
    { ...observed(exited("app", { exitCode: 137, reason: "OOMKilled" })), stopping: true },
    "Failed app=OOMKilled(137) [PRTSC I PS]",
  ],
  [
    "out of memory, not itself",
    never,
    { ...observed(exited("app", { reason: "OOMKilled" })), stopping: true },
    "Succeeded app=Completed(0) [PRTSC I PS]",
  ],
  [
    "init waits",
    inits,
    {},
    "Pending i1=waiting:PodInitializing app=waiting:PodInitializing [PRTSC PS]",
  ],
  [
    "init runs",
    inits,
    observed(instance("i1")),
    "Pending i1=running app=waiting:PodInitializing [PRTSC PS]",
  ],
  [
    "init done",
    inits,
    observed(exited("i1")),
    "Pending i1=Completed(0)+ app=waiting:PodInitializing [PRTSC I PS]",
  ],
  [
    "init failed, never again",
    podOf({ ...inits.spec, restartPolicy: "Never" }),
    { ...observed(exited("i1", { exitCode: 1 })), stopping: true },
    "Failed i1=Error(1) app=waiting:PodInitializing [PRTSC PS]",
  ],
  [
    "init forgotten by the runtime",
    inits,
    observed(instance("app")),
    "Running i1=Completed(0)+ app=running+ [PRTSC I R CR PS]",
  ],
  [
    "sidecar runs before the app",
    sidecar,
    observed(instance("s1")),
    "Pending s1=running+ app=waiting:PodInitializing [PRTSC I PS]",
  ],
  [
    "sidecar and app",
    sidecar,
    observed(instance("s1"), instance("app")),
    "Running s1=running+ app=running+ [PRTSC I R CR PS]",
  ],
  [
    "job ended, sidecar still runs",
    podOf({ ...sidecar.spec, restartPolicy: "Never" }),
    { ...observed(instance("s1"), exited("app")), stopping: true, previous: running },
    "Running s1=running+ app=Completed(0) [PRTSC I PS]",
  ],
  ["gate closed", gated, observed(instance("app")), "Running app=running+ [PRTSC I CR PS]"],
  ["gate open", gateOpen, observed(instance("app")), "Running app=running+ [. PRTSC I R CR PS]"],
  [
    "past its deadline, still running",
    plain,
    { ...observed(instance("app")), verdict, stopping: true, previous: running },
    "Running app=running+ [PRTSC I R CR PS]",
  ],
  [
    "past its deadline, ended",
    plain,
    { ...observed(exited("app", { exitCode: 137 })), verdict, stopping: true, previous: running },
    "Failed app=Error(137) [PRTSC I PS]",
  ],
  [
    "deleted and ended",
    plain,
    { ...observed(exited("app", { exitCode: 143 })), stopping: true, previous: running },
    "Failed app=Error(143) [PRTSC I PS]",
  ],
  [
    "Succeeded stays",
    plain,
    { ...observed(instance("app")), previous: { phase: "Succeeded" } },
    "Succeeded app=running+ [PRTSC I PS]",
  ],
  [
    "lost while running",
    plain,
    {
      previous: {
        phase: "Running",
        containerStatuses: [
          {
            name: "app",
            image: "",
            imageID: "",
            ready: true,
            restartCount: 2,
            state: { running: {} },
          },
        ],
      },
    },
    "Running app=waiting:ContainerCreating#3<ContainerStatusUnknown(137) [PRTSC I PS]",
  ],
];

for (const [name, pod, input, want] of cases) {
  test(`podStatus: ${name} -> ${want}`, () => {
    assert.equal(show(podStatus(inputOf(pod, input))).replace("./", "."), want);
  });
}

test("podStatus: a whole status", () => {
  const pod = podOf({
    containers: [containerOf("app", { resources: { requests: { cpu: "1" } } })],
  });
  const status = podStatus(inputOf(pod, observed(instance("app", { startedAtMs: 2_000 }))));
  const condition = {
    status: "True",
    lastTransitionTime: "1970-01-01T00:01:40Z",
    observedGeneration: 1,
  };
  assert.deepEqual(status, {
    phase: "Running",
    conditions: [
      "PodReadyToStartContainers",
      "Initialized",
      "Ready",
      "ContainersReady",
      "PodScheduled",
    ].map((type) => ({ type, ...condition })),
    hostIP: "10.0.0.1",
    hostIPs: [{ ip: "10.0.0.1" }],
    podIP: "10.1.0.5",
    podIPs: [{ ip: "10.1.0.5" }],
    startTime: "1970-01-01T00:01:40Z",
    qosClass: "Burstable",
    observedGeneration: 1,
    containerStatuses: [
      {
        name: "app",
        image: "busybox:1",
        imageID: "sha256:busybox:1",
        containerID: "containerd://app-0",
        restartCount: 0,
        state: { running: { startedAt: "1970-01-01T00:00:02Z" } },
        lastState: {},
        ready: true,
        started: true,
        allocatedResources: { cpu: "1" },
        resources: { requests: { cpu: "1" } },
      },
    ],
  });
});

test("podStatus: the messages of all containers together stay within 12 KiB", () => {
  const names = ["a", "b", "c", "d"];
  const pod = podOf({ restartPolicy: "Never", containers: names.map((it) => containerOf(it)) });
  const ended = names.map((it) => exited(it, { message: "x".repeat(4096) }));
  const status = podStatus(inputOf(pod, { ...observed(...ended), stopping: true }));
  const lengths = status.containerStatuses?.map((it) => it.state?.terminated?.message?.length);
  assert.deepEqual(lengths, [3072, 3072, 3072, 3072]);
});

test("podStatus: computed again from itself it does not change", () => {
  const input = inputOf(plain, observed(instance("app"), exited("app", { attempt: 0 })));
  const first = podStatus(input);
  const second = podStatus({ ...input, previous: first, nowMs: 200_000 });
  assert.equal(statusPatch("u1", first, second), undefined);
});

test("statusPatch: names what changed, what went, and nothing of others", () => {
  const before: PodStatus = {
    phase: "Running",
    reason: "Old",
    podIPs: [{ ip: "10.0.0.1" }],
    conditions: [
      { type: "Ready", status: "False", reason: "ContainersNotReady" },
      { type: "Initialized", status: "True" },
    ],
  };
  const after: PodStatus = {
    phase: "Running",
    podIPs: [{ ip: "10.0.0.2" }],
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Initialized", status: "True" },
    ],
  };
  assert.deepEqual(statusPatch("u1", before, after), {
    metadata: { uid: "u1" },
    status: {
      reason: null,
      podIPs: [{ ip: "10.0.0.2" }, { ip: "10.0.0.1", $patch: "delete" }],
      conditions: [{ type: "Ready", status: "True", reason: null }],
    },
  });
});
