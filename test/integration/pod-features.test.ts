// What a pod may ask of its node, with real kubectl on real containers. All pods are made at once,
// and each test looks at its own.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Container, Pod, PodSpec } from "#api/gen/types.ts";
import { GantryProcess, kubectls, ok, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_447;
let system: GantryProcess | undefined;
let registry: Server | undefined;
/** Connections to a registry that never answers. */
const hanging = new Set<Socket>();

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

async function eventually<T>(
  what: string,
  ask: () => T,
  holds: (it: T) => boolean,
  seconds = 60,
): Promise<T> {
  let last: T | undefined;
  for (let tries = 0; tries < seconds * 4; tries += 1) {
    last = ask();
    if (holds(last)) return last;
    await setTimeout(250);
  }
  const events = gantry().kubectl(["get", "events", "--sort-by=.lastTimestamp"]).stdout;
  throw new Error(`never came: ${what}; last: ${JSON.stringify(last, undefined, 1)}\n${events}`);
}

function pod(name: string): Pod {
  return JSON.parse(kubectl("get", "pod", name, "-o", "json")) as Pod;
}

async function podWhen(name: string, what: string, holds: (it: Pod) => boolean): Promise<Pod> {
  return await eventually(`${name} ${what}`, () => pod(name), holds);
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") === true;
}

function hasPhase(phase: string): (it: Pod) => boolean {
  return ({ status }) => status?.phase === phase;
}

function events(name: string): string {
  return kubectl("get", "events", `--field-selector=involvedObject.name=${name}`);
}

async function event(name: string, wanted: RegExp): Promise<string> {
  return await eventually(
    `event of ${name}`,
    () => events(name),
    (it) => wanted.test(it),
  );
}

function shell(name: string, script: string, more: Partial<Container> = {}): Container {
  return {
    name,
    image: "busybox",
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", script],
    ...more,
  };
}

const forever = "sleep 1000 & wait";
const everyMinute = { periodSeconds: 1, failureThreshold: 1 };

function manifest(name: string, spec: PodSpec): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  };
}

/** Ends on SIGTERM and then says so in a file of the host. */
function farewell(name: string): string {
  return `trap 'echo ${name} >> /out/order; exit 0' TERM; ${forever}`;
}

function sidecarPod(out: string): PodSpec {
  const volumeMounts = [
    { name: "shared", mountPath: "/shared" },
    { name: "out", mountPath: "/out" },
  ];
  const sidecar = (name: string, before: string): Container =>
    shell(name, `${before}; ${farewell(name)}`, {
      volumeMounts,
      restartPolicy: "Always",
      startupProbe: { ...everyMinute, failureThreshold: 30, exec: { command: ["cat", "/up"] } },
    });
  return {
    terminationGracePeriodSeconds: 10,
    initContainers: [
      sidecar("first", "sleep 1; touch /shared/first /up"),
      shell("between", "ls /shared > /shared/seen", { volumeMounts }),
      sidecar("second", "touch /up"),
    ],
    containers: [
      shell("app", `cat /shared/seen; ${farewell("app")}`, {
        volumeMounts,
        lifecycle: { preStop: { sleep: { seconds: 1 } } },
      }),
    ],
    volumes: [
      { name: "shared", emptyDir: {} },
      { name: "out", hostPath: { path: out, type: "Directory" } },
    ],
  };
}

const securityScript = [
  "id",
  "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status",
  "touch /file 2>&1",
  "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
].join("; ");

const specs: Record<string, PodSpec> = {
  target: { containers: [shell("app", forever)] },
  hooks: {
    containers: [
      shell("proxy", forever, {
        lifecycle: { postStart: { exec: { command: ["sh", "-c", "sleep 3"] } } },
      }),
      shell("app", forever),
    ],
  },
  badhook: {
    containers: [
      shell("app", forever, { lifecycle: { postStart: { exec: { command: ["false"] } } } }),
    ],
  },
  probed: {
    terminationGracePeriodSeconds: 600,
    readinessGates: [{ conditionType: "example.com/gate" }],
    containers: [
      shell("app", `trap '' TERM; touch /ok; ${forever}; ${forever}`, {
        startupProbe: { ...everyMinute, failureThreshold: 30, exec: { command: ["ls", "/ok"] } },
        livenessProbe: {
          ...everyMinute,
          terminationGracePeriodSeconds: 1,
          exec: { command: ["cat", "/ok"] },
        },
      }),
    ],
  },
  messages: {
    restartPolicy: "Never",
    containers: [
      shell("file", "echo -n own > /m; exit 1", { terminationMessagePath: "/m" }),
      shell("log", "echo from the log; exit 2", {
        terminationMessagePolicy: "FallbackToLogsOnError",
      }),
      shell("none", "echo nothing; exit 0", { terminationMessagePolicy: "FallbackToLogsOnError" }),
    ],
  },
  named: {
    restartPolicy: "Never",
    hostname: "host",
    subdomain: "sub",
    setHostnameAsFQDN: true,
    shareProcessNamespace: true,
    hostAliases: [{ ip: "192.0.2.7", hostnames: ["one.example", "two.example"] }],
    containers: [
      shell(
        "app",
        "hostname; cat /etc/hosts; cat /proc/1/comm; while ! grep -lq 98765 /proc/*/cmdline; do sleep 0.1; done; echo sees",
      ),
      shell("other", "sleep 98765"),
    ],
  },
  longname: {
    hostname: "h".repeat(60),
    subdomain: "sub",
    setHostnameAsFQDN: true,
    containers: [shell("app", forever)],
  },
  onhost: {
    restartPolicy: "Never",
    hostNetwork: true,
    hostPID: true,
    containers: [shell("app", "hostname; head -1 /etc/hosts; cat /proc/1/comm")],
  },
  userns: { hostUsers: false, containers: [shell("app", forever)] },
  secure: {
    restartPolicy: "Never",
    securityContext: {
      runAsUser: 1234,
      runAsGroup: 2345,
      supplementalGroups: [3456],
      fsGroup: 4567,
      seccompProfile: { type: "RuntimeDefault" },
      sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "77" }],
    },
    containers: [
      shell("app", securityScript, {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
      }),
      shell("root", "grep CapEff /proc/self/status", {
        securityContext: {
          runAsUser: 0,
          capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
          seccompProfile: { type: "Unconfined" },
        },
      }),
    ],
  },
  profile: {
    restartPolicy: "Never",
    containers: [
      shell("app", "chmod 700 /tmp || echo refused", {
        securityContext: {
          seccompProfile: { type: "Localhost", localhostProfile: "no-chmod.json" },
        },
      }),
    ],
  },
  privileged: {
    restartPolicy: "Never",
    containers: [
      shell(
        "app",
        "grep Seccomp: /proc/self/status; mount -t tmpfs x /mnt 2>&1 || mkdir /mnt && mount -t tmpfs x /mnt && echo mounted",
        {
          securityContext: { privileged: true },
        },
      ),
    ],
  },
  nonroot: { containers: [shell("app", forever, { securityContext: { runAsNonRoot: true } })] },
  unsafe: {
    securityContext: { sysctls: [{ name: "kernel.msgmax", value: "65536" }] },
    containers: [shell("app", forever)],
  },
  armored: {
    securityContext: { appArmorProfile: { type: "RuntimeDefault" } },
    containers: [shell("app", forever)],
  },
  handler: { runtimeClassName: "missing", containers: [shell("app", forever)] },
  resized: {
    containers: [
      shell("app", forever, {
        resources: {
          requests: { cpu: "100m", memory: "20Mi" },
          limits: { cpu: "200m", memory: "40Mi" },
        },
        resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }],
      }),
    ],
  },
  full: {
    containers: [
      shell("app", `dd if=/dev/zero of=/data/file bs=1M count=4; ${forever}`, {
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }),
    ],
    volumes: [{ name: "data", emptyDir: { sizeLimit: "1Mi" } }],
  },
  deadline: { activeDeadlineSeconds: 2, containers: [shell("app", forever)] },
};

const noChmod = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["chmod", "fchmodat", "fchmod"], action: "SCMP_ACT_ERRNO" }],
};

function apply(...objects: readonly object[]): void {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(list)));
}

function data(...path: readonly string[]): string {
  return join(gantry().directory, "data", ...path);
}

before(async () => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  mkdirSync(data(), { recursive: true });
  ok(system.up());
  ok(system.gantry("image", "seed"));
  mkdirSync(data("node", "kubelet", "seccomp"), { recursive: true });
  writeFileSync(data("node", "kubelet", "seccomp", "no-chmod.json"), JSON.stringify(noChmod));
  mkdirSync(join(system.directory, "out"));
  registry = createServer((socket) => {
    hanging.add(socket);
    socket.on("error", () => undefined).on("close", () => hanging.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => registry?.listen(0, "127.0.0.1", resolve));
  const { port: registryPort } = registry.address() as AddressInfo;
  apply(
    {
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "missing" },
      handler: "no-such-handler",
    },
    ...Object.entries(specs).map(([name, spec]) => manifest(name, spec)),
    manifest("sidecars", sidecarPod(join(system.directory, "out"))),
    manifest("hanging", {
      containers: [{ name: "app", image: `127.0.0.1:${registryPort}/never:1` }],
    }),
  );
});

after(() => {
  for (const socket of hanging) socket.destroy();
  registry?.close();
  system?.[Symbol.dispose]();
});

test(
  "sidecars start in order before what needs them, and end after it, last first",
  { skip },
  async () => {
    await podWhen("sidecars", "is ready", isReady);
    assert.equal(kubectl("logs", "sidecars", "-c", "app"), "first\nseen\n");
    kubectl("delete", "pod", "sidecars");
    const order = readFileSync(join(gantry().directory, "out", "order"), "utf8");
    assert.equal(order, "app\nsecond\nfirst\n");
  },
);

test(
  "debug: every kubectl adds a container that sees the target's processes",
  { skip },
  async () => {
    await podWhen("target", "is ready", isReady);
    for (const [index, program] of kubectls().entries()) {
      const name = `debug-${index}`;
      const args = ["debug", "target", "--image=busybox", `--container=${name}`, "--target=app"];
      const script = ["--", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline; echo; sleep 1000"];
      ok(gantry().kubectl([...args, "--image-pull-policy=IfNotPresent", ...script], "", program));
      const log = (): string => gantry().kubectl(["logs", "target", "-c", name]).stdout;
      await eventually(program, log, (it) => it.startsWith("sh -c sleep 1000"));
    }
    const { ephemeralContainerStatuses = [], containerStatuses } = pod("target").status ?? {};
    assert.equal(ephemeralContainerStatuses.length, kubectls().length);
    assert.ok(ephemeralContainerStatuses.every((it) => it.state?.running !== undefined));
    assert.equal(containerStatuses?.[0]?.restartCount, 0);
  },
);

test(
  "hooks: the next container waits for postStart, and one that fails ends its own",
  { skip },
  async () => {
    const { status } = await podWhen("hooks", "is ready", isReady);
    const [proxy, app] = (status?.containerStatuses ?? []).map((it) =>
      Date.parse(it.state?.running?.startedAt ?? ""),
    );
    assert.ok((app ?? 0) - (proxy ?? 0) >= 2_000, `${proxy ?? 0} ${app ?? 0}`);
    await event("badhook", /FailedPostStartHook +pod\/badhook +PostStartHook failed/);
    await podWhen("badhook", "restarts", (it) => {
      return (it.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    });
  },
);

test(
  "probes: readiness gates, and a liveness probe with a grace period of its own",
  { skip },
  async () => {
    const unready = await podWhen("probed", "has started", (it) => {
      return it.status?.conditions?.some((c) => c.reason === "ReadinessGatesNotReady") === true;
    });
    assert.equal(unready.status?.containerStatuses?.[0]?.ready, true);
    const conditions = [{ type: "example.com/gate", status: "True" }];
    kubectl(
      "patch",
      "pod",
      "probed",
      "--subresource=status",
      "-p",
      JSON.stringify({ status: { conditions } }),
    );
    await podWhen("probed", "is ready", isReady);
    kubectl("exec", "probed", "--", "rm", "/ok");
    await podWhen("probed", "is restarted within its probe's grace", (it) => {
      return (it.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    });
    await event("probed", /Container app failed liveness probe, will be restarted/);
    kubectl("delete", "pod", "probed", "--grace-period=1", "--wait=false");
  },
);

test(
  "termination messages come from a file or, after a failure, from the log",
  { skip },
  async () => {
    const { status } = await podWhen("messages", "has ended", hasPhase("Failed"));
    const got = (status?.containerStatuses ?? []).map(({ name, state }) => {
      const { exitCode = -1, message = "" } = state?.terminated ?? {};
      return `${name} ${exitCode} ${message}`;
    });
    assert.deepEqual(got, ["file 1 own", "log 2 from the log\n", "none 0 "]);
  },
);

test("names: host name, subdomain, aliases, and a shared process namespace", { skip }, async () => {
  const log = await eventually(
    "log",
    () => kubectl("logs", "named", "-c", "app"),
    (it) => it.endsWith("sees\n"),
  );
  assert.match(log, /^host\.sub\.default\.svc\.cluster\.local\n/);
  assert.match(log, /10\.\S+\thost\.sub\.default\.svc\.cluster\.local\thost\n/);
  assert.match(log, /# Entries added by HostAliases\.\n192\.0\.2\.7\tone\.example\ttwo\.example\n/);
  assert.match(log, /\npause\n/);
  await event("longname", /FailedCreatePodSandBox.*FQDN h+\.sub\.default\S+ is too long \(64/);
});

test("on the host: its name, its hosts file and its processes", { skip }, async () => {
  await podWhen("onhost", "has ended", hasPhase("Succeeded"));
  const [name, hosts, first] = kubectl("logs", "onhost").split("\n");
  assert.equal(name, readFileSync("/proc/sys/kernel/hostname", "utf8").trim());
  assert.equal(hosts, "# Kubernetes-managed hosts file (host network).");
  assert.equal(first, readFileSync("/proc/1/comm", "utf8").trim());
  await event("userns", /can't set `spec.hostUsers: false`, runtime does not support user/);
});

test(
  "security: users, groups, capabilities, seccomp, sysctls, a read-only root",
  { skip },
  async () => {
    await podWhen("secure", "has ended", ({ status }) => {
      return (status?.containerStatuses ?? []).every((it) => it.state?.terminated !== undefined);
    });
    const app = kubectl("logs", "secure", "-c", "app");
    assert.match(app, /^uid=1234 gid=2345 groups=2345,3456,4567\n/);
    assert.match(app, /CapEff:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2\n/);
    assert.match(app, /Read-only file system\n77\n/);
    assert.equal(kubectl("logs", "secure", "-c", "root"), "CapEff:\t0000000000000400\n");
    await podWhen("profile", "has ended", hasPhase("Succeeded"));
    assert.match(kubectl("logs", "profile"), /refused/);
    await podWhen("privileged", "has ended", hasPhase("Succeeded"));
    assert.match(kubectl("logs", "privileged"), /Seccomp:\t0\n[^]*mounted\n$/);
  },
);

test("what a node cannot give is refused with the reason", { skip }, async () => {
  const nonroot = await podWhen("nonroot", "is refused", ({ status }) => {
    return status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError";
  });
  assert.match(
    nonroot.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "",
    /^container has runAsNonRoot and image will run as root \(pod: "nonroot_default\(/,
  );
  const refused: [name: string, reason: string, message: RegExp][] = [
    ["unsafe", "SysctlForbidden", /^Pod was rejected: forbidden sysctl: "kernel.msgmax" not allow/],
    ["armored", "AppArmor", /^Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled/],
    ["deadline", "DeadlineExceeded", /^Pod was active on the node longer than the specified/],
    ["full", "Evicted", /^Usage of EmptyDir volume "data" exceeds the limit "1Mi"\. $/],
  ];
  for (const [name, reason, message] of refused) {
    const { status } = await podWhen(name, reason, hasPhase("Failed"));
    assert.equal(status?.reason, reason);
    assert.match(status.message ?? "", message);
  }
  await event("handler", /FailedCreatePodSandBox.*no runtime for "no-such-handler" is configured/);
});

test(
  "resize: in place where the policy allows it, else with a restart, and deferred without room",
  { skip },
  async () => {
    await podWhen("resized", "is ready", isReady);
    const resize = (resources: object): void => {
      const patch = { spec: { containers: [{ name: "app", resources }] } };
      kubectl("patch", "pod", "resized", "--subresource=resize", "-p", JSON.stringify(patch));
    };
    const settled =
      (cpu: string) =>
      ({ metadata, status }: Pod): boolean => {
        const [container] = status?.containerStatuses ?? [];
        return (
          status?.observedGeneration === metadata?.generation &&
          container?.resources?.limits?.["cpu"] === cpu &&
          container.state?.running !== undefined &&
          status?.conditions?.some((it) => it.type.startsWith("PodResize")) === false
        );
      };
    const quota = (): string => {
      const files = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max";
      return kubectl("exec", "resized", "--", "sh", "-c", `cat ${files} 2>/dev/null || true`);
    };
    resize({ requests: { cpu: "150m" }, limits: { cpu: "300m" } });
    const inPlace = await podWhen("resized", "has more cpu", settled("300m"));
    assert.equal(inPlace.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.deepEqual(inPlace.status.containerStatuses[0].allocatedResources?.["cpu"], "150m");
    assert.match(quota(), /^30000/);
    resize({ requests: { memory: "30Mi" }, limits: { memory: "50Mi", cpu: "250m" } });
    const restarted = await podWhen("resized", "has more memory", settled("250m"));
    assert.equal(restarted.status?.containerStatuses?.[0]?.restartCount, 1);
    assert.match(quota(), /^25000/);
    resize({ requests: { cpu: "1000" }, limits: { cpu: "1000" } });
    const deferred = await podWhen("resized", "waits", ({ status }) => {
      return status?.conditions?.some((it) => it.type === "PodResizePending") === true;
    });
    const pending = deferred.status?.conditions?.find((it) => it.type === "PodResizePending");
    assert.equal(pending?.reason, "Deferred");
    assert.match(
      pending.message ?? "",
      /^Node didn't have enough resource: cpu, requested: 1000000/,
    );
    await event("resized", /ResizeDeferred/);
  },
);

test("a registry that hangs: the pod waits, and its end ends the pull", { skip }, async () => {
  await eventually(
    "connection",
    () => hanging.size,
    (it) => it > 0,
  );
  assert.match(kubectl("get", "pod", "hanging"), /ContainerCreating/);
  kubectl("delete", "pod", "hanging", "--timeout=20s");
  await eventually(
    "the pull's end",
    () => hanging.size,
    (it) => it === 0,
  );
});

test(
  "static pods: a manifest runs, its mirror comes back, and both go with the file",
  { skip },
  async () => {
    const path = data("manifests", "own.json");
    writeFileSync(
      path,
      JSON.stringify(manifest("own", { containers: [shell("app", `echo up; ${forever}`)] })),
    );
    const node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");
    const name = `own-${node}`;
    const find = (): Pod | undefined => {
      const result = gantry().kubectl(["get", "pod", name, "-o", "json"]);
      return result.code === 0 ? (JSON.parse(result.stdout) as Pod) : undefined;
    };
    const running = await eventually("mirror", find, (it) => it !== undefined && isReady(it));
    assert.equal(kubectl("logs", name), "up\n");
    const id = running?.status?.containerStatuses?.[0]?.containerID;
    assert.equal(running?.metadata?.ownerReferences?.[0]?.kind, "Node");
    kubectl("delete", "pod", name, "--wait=false");
    const again = await eventually("another mirror", find, (it) => {
      return it !== undefined && it.metadata?.uid !== running.metadata?.uid && isReady(it);
    });
    assert.equal(again?.status?.containerStatuses?.[0]?.containerID, id);
    rmSync(path);
    await eventually("no mirror", find, (it) => it === undefined);
  },
);

test("cgroups: classes have their groups, and those of pods go with them", { skip }, async () => {
  const uid = pod("target").metadata?.uid ?? "";
  const groups = (): string =>
    run("sh", ["-c", `find /sys/fs/cgroup -type d -name 'pod${uid}'`]).stdout;
  assert.match(groups(), /\/besteffort\/pod/);
  kubectl("delete", "pod", "target");
  await eventually("no groups", groups, (it) => it === "");
});

test("down --drain: pods end in order and say why", { skip }, async () => {
  ok(gantry().gantry("down", "--drain"));
  ok(gantry().up());
  const { status } = await podWhen("hooks", "has ended", hasPhase("Failed"));
  assert.equal(status?.reason, "Terminated");
  assert.equal(status.message, "Pod was terminated in response to imminent node shutdown.");
  const disruption = status.conditions?.find((it) => it.type === "DisruptionTarget");
  assert.equal(disruption?.reason, "TerminationByKubelet");
});
