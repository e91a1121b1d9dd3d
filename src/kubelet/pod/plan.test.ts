import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pod } from "#api/gen/types.ts";
import type { ContainerStatus, SandboxStatus } from "#cri/runtime.ts";
import { containerOf, exited, instance, podOf, sandbox } from "#testing/pod-fixtures.ts";
import { newestFirst } from "./containers.ts";
import { keyOf, type Action, type PodInput } from "./input.ts";
import { planPod } from "./plan.ts";

const nowMs = 100_000;

function inputOf(pod: Pod, more: Partial<PodInput> = {}): PodInput {
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
    sandboxAttemptMin: 0,
    tornDown: false,
    nowMs,
    ...more,
  };
}

/** `start app#1+10000`: attempt 1, leaving a back-off of 10 s; `kill app-0/30 liveness`. */
function show(action: Action): string {
  switch (action.kind) {
    case "create-sandbox":
      return `sandbox#${action.attempt}`;
    case "start":
      return `start ${action.container}#${action.attempt}${action.backoffMs > 0 ? `+${action.backoffMs}` : ""}`;
    case "kill":
      return `kill ${action.containerId}/${action.graceSeconds} ${action.cause}`;
    case "stop-sandbox":
      return `stop ${action.sandboxId}`;
    case "remove-container":
    case "remove-sandbox":
      return `remove ${action.id}`;
    case "resize":
    case "tear-down":
    case "delete":
    case "forget":
      return action.kind;
  }
}

function observed(...containers: ContainerStatus[]): Pick<PodInput, "observed"> {
  return {
    observed: { sandboxes: [sandbox()], containers: containers.sort(newestFirst) },
  };
}

const plain = podOf();
const never = podOf({ restartPolicy: "Never" });
const onFailure = podOf({
  restartPolicy: "OnFailure",
  containers: [containerOf("app"), containerOf("b")],
});
const inits = podOf({ initContainers: [containerOf("i1"), containerOf("i2")] });
const sidecars = podOf({
  initContainers: [
    containerOf("s1", { restartPolicy: "Always", startupProbe: {} }),
    containerOf("i2"),
    containerOf("s3", { restartPolicy: "Always" }),
  ],
});
const hooked = podOf({
  containers: [
    containerOf("proxy", { lifecycle: { postStart: { sleep: { seconds: 1 } } } }),
    containerOf("app"),
  ],
});
const hookedSidecar = podOf({
  initContainers: [
    containerOf("s", {
      restartPolicy: "Always",
      lifecycle: { postStart: { sleep: { seconds: 1 } } },
    }),
  ],
});
const resized = podOf({
  containers: [containerOf("app", { resources: { limits: { cpu: "2" } } })],
});
const resizedAnew = podOf({
  containers: [
    containerOf("app", {
      resources: { limits: { cpu: "2" } },
      resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }],
    }),
  ],
});
function one(group: "granted" | "grown" | "settled"): Pick<PodInput, "actuated"> {
  const containers = new Map([["app-0", { limits: { cpu: "1" } }]]);
  return { actuated: { containers, pod: undefined, group } };
}
const deleted = { deletionTimestamp: "1970-01-01T00:01:40Z", deletionGracePeriodSeconds: 10 };
const dead = podOf({}, deleted);
const deadSidecars = podOf(sidecars.spec, deleted);
const noSandbox: Partial<PodInput> = { observed: { sandboxes: [], containers: [] } };
const notReady = sandbox({ state: "not-ready" });
const stopped = new Set(["s0"]);

const cases: [name: string, pod: Pod, input: Partial<PodInput>, want: string][] = [
  ["new pod", plain, noSandbox, "sandbox#0"],
  ["sandbox name taken", plain, { ...noSandbox, sandboxAttemptMin: 3 }, "sandbox#3"],
  ["resized", resized, { ...observed(instance("app")), ...one("granted") }, "resize"],
  [
    "resized and ended",
    resized,
    { ...observed(exited("app")), ...one("settled") },
    "start app#1+10000",
  ],
  [
    "resized with a restart: room first",
    resizedAnew,
    { ...observed(instance("app")), ...one("granted") },
    "resize",
  ],
  [
    "resized with a restart: then its end",
    resizedAnew,
    { ...observed(instance("app")), ...one("grown") },
    "kill app-0/30 resize",
  ],
  [
    "resized with a restart: then the group is held to the new amounts",
    resizedAnew,
    { ...observed(exited("app")), ...one("grown"), replaced: new Set(["app-0"]) },
    "resize, start app#1",
  ],
  ["a hook comes first", hooked, {}, "start proxy#0"],
  [
    "a hook under way",
    hooked,
    { ...observed(instance("proxy")), busy: new Set(["start:proxy"]) },
    "",
  ],
  ["a hook is over", hooked, observed(instance("proxy")), "start app#0"],
  [
    "what runs after a hook goes on",
    hooked,
    observed(exited("proxy"), instance("app")),
    "start proxy#1+10000",
  ],
  [
    "a sidecar's hook under way",
    hookedSidecar,
    { ...observed(instance("s")), busy: new Set(["start:s"]) },
    "",
  ],
  ["a sidecar's hook is over", hookedSidecar, observed(instance("s")), "start app#0"],
  ["sandbox under way", plain, { ...noSandbox, busy: new Set(["sandbox"]) }, ""],
  ["sandbox failed lately", plain, { ...noSandbox, failures: failed("", nowMs + 1) }, ""],
  ["sandbox failed before", plain, { ...noSandbox, failures: failed("", nowMs) }, "sandbox#0"],
  ["ready", plain, {}, "start app#0"],
  ["starting", plain, { busy: new Set(["start:app"]) }, ""],
  ["running", plain, observed(instance("app")), ""],
  ["config error lately", plain, { failures: failed("app", nowMs + 1) }, ""],
  ["first restart at once", plain, observed(exited("app")), "start app#1+10000"],
  ["backed off", plain, observed(exited("app", { attempt: 1, backoffMs: 100_000 })), ""],
  [
    "back-off over",
    plain,
    observed(exited("app", { attempt: 1, backoffMs: 10_000 })),
    "start app#2+20000",
  ],
  ["left created", plain, observed(instance("app", { state: "created" })), "start app#1"],
  ["unknown", plain, observed(instance("app", { state: "unknown" })), "kill app-0/30 unknown"],
  [
    "image changed",
    plain,
    observed(instance("app", { image: "busybox:0" })),
    "kill app-0/30 changed",
  ],
  [
    "image changed, killed, Never",
    never,
    { ...observed(exited("app", { image: "busybox:0" })), replaced: new Set(["app-0"]) },
    "start app#1",
  ],
  [
    "liveness failed",
    podOf({
      containers: [containerOf("app", { livenessProbe: { terminationGracePeriodSeconds: 5 } })],
    }),
    { ...observed(instance("app")), probes: new Map([["app-0", { liveness: "failure" }]]) },
    "kill app-0/5 liveness",
  ],
  [
    "startup failed, kill under way",
    plain,
    {
      ...observed(instance("app")),
      probes: new Map([["app-0", { startup: "failure" }]]),
      busy: new Set(["kill:app-0"]),
    },
    "",
  ],
  [
    "OnFailure restarts the failed one",
    onFailure,
    observed(exited("app"), exited("b", { exitCode: 1 })),
    "start b#1+10000",
  ],
  ["OnFailure all succeeded", onFailure, observed(exited("app"), exited("b")), "stop s0"],
  ["Never ended", never, observed(exited("app", { exitCode: 3 })), "stop s0"],
  [
    "Never ended, stopped",
    never,
    { ...observed(exited("app")), stoppedSandboxes: stopped },
    "tear-down",
  ],
  [
    "Never ended, torn down",
    never,
    { ...observed(exited("app")), stoppedSandboxes: stopped, tornDown: true },
    "",
  ],
  [
    "Never ended, sandbox lost",
    never,
    { observed: { sandboxes: [notReady], containers: [exited("app")] } },
    "stop s0",
  ],
  ["first init", inits, {}, "start i1#0"],
  ["init runs", inits, observed(instance("i1")), ""],
  ["second init", inits, observed(exited("i1")), "start i2#0"],
  ["init failed", inits, observed(exited("i1", { exitCode: 1 })), "start i1#1+10000"],
  ["inits done", inits, observed(exited("i1"), exited("i2")), "start app#0"],
  [
    "init failed, Never",
    podOf({ ...inits.spec, restartPolicy: "Never" }),
    observed(exited("i1", { exitCode: 1 })),
    "stop s0",
  ],
  ["initialized once", inits, observed(exited("i1", { exitCode: 1 }), instance("app")), ""],
  [
    "new sandbox repeats inits",
    inits,
    observed(exited("i1", { sandboxId: "old" }), exited("i2", { sandboxId: "old" })),
    "start i1#1+10000",
  ],
  [
    "sidecar not started",
    sidecars,
    { ...observed(instance("s1")), probes: new Map([["s1-0", { startup: "unknown" }]]) },
    "",
  ],
  [
    "sidecar started",
    sidecars,
    { ...observed(instance("s1")), probes: new Map([["s1-0", { startup: "success" }]]) },
    "start i2#0",
  ],
  [
    "sidecar ended while init runs",
    sidecars,
    observed(exited("s1"), instance("i2")),
    "start s1#1+10000",
  ],
  [
    "sidecar restarts beside the app",
    sidecars,
    observed(instance("s1"), exited("i2"), exited("s3"), instance("app")),
    "start s3#1+10000",
  ],
  [
    "job with a sidecar ends",
    podOf({ ...sidecars.spec, restartPolicy: "Never" }),
    observed(instance("s1"), instance("s3"), exited("app")),
    "kill s3-0/30 stopping",
  ],
  [
    "sandbox lost",
    plain,
    { observed: { sandboxes: [notReady], containers: [instance("app")] } },
    "kill app-0/30 sandbox",
  ],
  [
    "sandbox lost, ended",
    plain,
    { observed: { sandboxes: [notReady], containers: [exited("app")] } },
    "stop s0",
  ],
  [
    "sandbox lost, stopped",
    plain,
    { observed: { sandboxes: [notReady], containers: [exited("app")] }, stoppedSandboxes: stopped },
    "sandbox#1",
  ],
  [
    "no address",
    plain,
    { observed: { sandboxes: [sandbox({ ips: [] })], containers: [] } },
    "stop s0",
  ],
  [
    "host network has no address",
    podOf({ hostNetwork: true }),
    { observed: { sandboxes: [sandbox({ ips: [] })], containers: [] } },
    "start app#0",
  ],
  [
    "old instances",
    plain,
    observed(
      instance("app", { attempt: 3 }),
      exited("app", { attempt: 2 }),
      exited("app", { attempt: 1 }),
    ),
    "remove app-1",
  ],
  ["deleted", dead, observed(instance("app")), "kill app-0/10 stopping"],
  [
    "deleted a while ago",
    dead,
    { ...observed(instance("app")), stoppingSinceMs: nowMs - 4_000 },
    "kill app-0/6 stopping",
  ],
  [
    "deleted, no time left",
    dead,
    { ...observed(instance("app")), stoppingSinceMs: 0 },
    "kill app-0/2 stopping",
  ],
  [
    "kill under way",
    dead,
    {
      ...observed(instance("app")),
      busy: new Set(["kill:app-0"]),
      killDeadlines: new Map([["app-0", nowMs + 10_000]]),
    },
    "",
  ],
  [
    "kill hurried",
    dead,
    {
      ...observed(instance("app")),
      busy: new Set(["kill:app-0"]),
      killDeadlines: new Map([["app-0", nowMs + 30_000]]),
    },
    "kill app-0/10 stopping",
  ],
  [
    "sidecars end last, in reverse",
    deadSidecars,
    observed(instance("s1"), instance("s3"), instance("app")),
    "kill app-0/10 stopping",
  ],
  [
    "sidecars in reverse",
    deadSidecars,
    observed(instance("s1"), instance("s3"), exited("app")),
    "kill s3-0/10 stopping",
  ],
  ["start under way at deletion", dead, { busy: new Set(["start:app"]) }, ""],
  ["torn down", dead, { stoppedSandboxes: stopped, tornDown: true }, "delete"],
  ["vanished", plain, { ...observed(instance("app")), vanished: true }, "kill app-0/2 stopping"],
  [
    "vanished, torn down",
    plain,
    { ...observed(exited("app")), vanished: true, tornDown: true, stoppedSandboxes: stopped },
    "remove app-0",
  ],
  [
    "vanished, no containers",
    plain,
    { vanished: true, tornDown: true, stoppedSandboxes: stopped },
    "remove s0",
  ],
  ["vanished, nothing left", plain, { ...noSandbox, vanished: true, tornDown: true }, "forget"],
  ["deadline passed", withDeadline(60), observed(instance("app")), "kill app-0/30 stopping"],
  ["deadline ahead", withDeadline(200), observed(instance("app")), ""],
  [
    "failed in the API",
    { ...plain, status: { phase: "Failed" } },
    observed(instance("app")),
    "kill app-0/30 stopping",
  ],
  [
    "ephemeral beside init",
    podOf({ ...inits.spec, ephemeralContainers: [containerOf("debug")] }),
    observed(instance("i1")),
    "start debug#0",
  ],
  [
    "ephemeral ended",
    podOf({ ephemeralContainers: [containerOf("debug")] }),
    observed(instance("app"), exited("debug")),
    "",
  ],
];

function failed(name: string, retryAtMs: number): PodInput["failures"] {
  return new Map([[name, { reason: "Error", message: "", retryAtMs }]]);
}

function withDeadline(activeDeadlineSeconds: number): Pod {
  return { ...podOf({ activeDeadlineSeconds }), status: { startTime: "1970-01-01T00:00:00Z" } };
}

for (const [name, pod, input, want] of cases) {
  test(`planPod: ${name} -> [${want}]`, () => {
    const plan = planPod(inputOf(pod, input));
    assert.equal(plan.actions.map(show).join(", "), want);
  });
}

test("planPod: a back-off says until when, and wakes then", () => {
  const last = exited("app", { attempt: 1, backoffMs: 100_000 });
  const plan = planPod(inputOf(plain, observed(last)));
  assert.deepEqual([...plan.backoffs], [["app", { untilMs: 102_001, backoffMs: 100_000 }]]);
  assert.equal(plan.wakeAtMs, 102_001);
});

test("planPod: a passed deadline is a verdict", () => {
  const plan = planPod(inputOf(withDeadline(60), {}));
  assert.equal(plan.verdict?.reason, "DeadlineExceeded");
});

/** A node in miniature: carries out actions, in an order and with outcomes that chance decides. */
class World {
  sandboxes: SandboxStatus[] = [];
  containers: ContainerStatus[] = [];
  busy = new Map<string, Action>();
  stopped = new Set<string>();
  replaced = new Set<string>();
  tornDown = false;
  isDeleted = false;
  isForgotten = false;
  nowMs = 0;
  pod: Pod;

  constructor(pod: Pod) {
    this.pod = pod;
  }

  input(): PodInput {
    return inputOf(this.pod, {
      vanished: this.isDeleted,
      observed: {
        sandboxes: this.sandboxes,
        containers: [...this.containers].sort(newestFirst),
      },
      busy: new Set(this.busy.keys()),
      replaced: this.replaced,
      stoppedSandboxes: this.stopped,
      tornDown: this.tornDown,
      nowMs: this.nowMs,
    });
  }

  /** One round: plan, begin the actions, then maybe finish some and let containers end. */
  step(chance: number): void {
    this.nowMs += 1_000 + chance * 97;
    for (const action of planPod(this.input()).actions) {
      assert.ok(!this.busy.has(keyOf(action)), `begun twice: ${keyOf(action)}`);
      this.busy.set(keyOf(action), action);
    }
    let nth = 0;
    for (const [key, action] of [...this.busy]) {
      nth += 1;
      if ((chance >> nth) % 2 === 1) continue;
      this.busy.delete(key);
      this.finish(action);
    }
    this.check();
  }

  finish(action: Action): void {
    switch (action.kind) {
      case "create-sandbox":
        this.sandboxes.unshift(
          sandbox({
            id: `s${action.attempt}`,
            metadata: { name: "web", namespace: "default", uid: "u1", attempt: action.attempt },
          }),
        );
        break;
      case "start":
        this.containers.push(
          instance(action.container, {
            attempt: action.attempt,
            sandboxId: action.sandboxId,
            startedAtMs: this.nowMs,
            backoffMs: action.backoffMs,
            image: "busybox:1",
          }),
        );
        break;
      case "kill":
        this.end(action.containerId, 137);
        if (action.replace) this.replaced.add(action.containerId);
        break;
      case "stop-sandbox":
        this.stopped.add(action.sandboxId);
        this.loseSandbox(action.sandboxId);
        break;
      case "remove-container":
        this.containers = this.containers.filter((it) => it.id !== action.id);
        break;
      case "remove-sandbox":
        this.sandboxes = this.sandboxes.filter((it) => it.id !== action.id);
        break;
      case "resize":
        break;
      case "tear-down":
        this.tornDown = true;
        break;
      case "delete":
        this.isDeleted = true;
        break;
      case "forget":
        this.isForgotten = true;
        break;
    }
  }

  end(id: string, exitCode: number): void {
    this.containers = this.containers.map((it) =>
      it.id === id && it.state === "running"
        ? { ...it, state: "exited", exitCode, finishedAtMs: this.nowMs }
        : it,
    );
  }

  loseSandbox(id: string): void {
    this.sandboxes = this.sandboxes.map((it) =>
      it.id === id ? { ...it, state: "not-ready" } : it,
    );
    for (const it of this.containers) if (it.sandboxId === id) this.end(it.id, 137);
  }

  check(): void {
    const running = this.containers
      .filter((it) => it.state === "running")
      .map((it) => it.metadata.name);
    assert.equal(new Set(running).size, running.length, `two instances run: ${running.join()}`);
    assert.ok(this.containers.length <= 16, "the runtime fills up with old instances");
  }
}

const worldPod = fc.record({
  restartPolicy: fc.constantFrom("Always", "OnFailure", "Never"),
  inits: fc.array(fc.constantFrom("init", "sidecar"), { maxLength: 3 }),
  regular: fc.integer({ min: 1, max: 3 }),
});

function podFrom(shape: { restartPolicy: string; inits: string[]; regular: number }): Pod {
  return podOf({
    restartPolicy: shape.restartPolicy,
    initContainers: shape.inits.map((kind, index) =>
      containerOf(`i${index}`, kind === "sidecar" ? { restartPolicy: "Always" } : {}),
    ),
    containers: Array.from({ length: shape.regular }, (_, index) => containerOf(`c${index}`)),
  });
}

test("planPod: whatever happens, never two instances, and deletion leaves nothing", () => {
  fc.assert(
    fc.property(worldPod, fc.array(fc.nat(1023), { maxLength: 60 }), (shape, chances) => {
      const world = new World(podFrom(shape));
      for (const chance of chances) {
        world.step(chance);
        const victim = world.containers[chance % (world.containers.length + 1)];
        if (victim !== undefined && chance % 3 === 0) world.end(victim.id, chance % 2);
        if (chance % 41 === 7) world.loseSandbox(world.sandboxes[0]?.id ?? "");
      }
      world.pod = { ...world.pod, metadata: { ...world.pod.metadata, ...deleted } };
      for (let round = 0; round < 60 && !world.isForgotten; round += 1) world.step(0);
      assert.ok(world.isForgotten, "the pod's end never came");
      assert.deepEqual([world.containers, world.sandboxes], [[], []]);
    }),
    { numRuns: 300 },
  );
});

test("planPod: left alone, a pod whose inits succeed comes to run", () => {
  fc.assert(
    fc.property(worldPod, (shape) => {
      const world = new World(podFrom(shape));
      for (let round = 0; round < 40; round += 1) {
        world.step(0);
        for (const it of world.containers) {
          const index = Number(it.metadata.name.slice(1));
          if (it.metadata.name.startsWith("i") && shape.inits[index] === "init")
            world.end(it.id, 0);
        }
      }
      const plan = planPod(world.input());
      assert.deepEqual(plan.actions, []);
      const running = world.containers.filter((it) => it.state === "running").length;
      const sidecarCount = shape.inits.filter((it) => it === "sidecar").length;
      assert.equal(running, shape.regular + sidecarCount);
    }),
    { numRuns: 100 },
  );
});
