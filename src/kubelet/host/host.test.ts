import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PodSpec } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import type { Runtime } from "#cri/runtime.ts";
import type { NodeView } from "#kubelet/pod/context.ts";
import { ImageVolumes } from "#kubelet/volumes/image-volumes.ts";
import { Tokens } from "#kubelet/volumes/tokens.ts";
import { Volumes } from "#kubelet/volumes/volumes.ts";
import { FakeCluster, FakeObjects, FakeStorage, noImages } from "#testing/kubelet-ports.ts";
import { containerOf, exited, instance, podOf } from "#testing/pod-fixtures.ts";
import { DiskHost } from "./disk-host.ts";
import { hostsFile } from "./hosts-file.ts";
import { rotateLog } from "./log-rotation.ts";
import { logTail, readTerminationMessage } from "./termination-message.ts";

const signal = new AbortController().signal;

async function inTemporary(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "host-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const hosts: [spec: Partial<PodSpec>, want: RegExp][] = [
  [{}, /\n10\.1\.0\.5\tweb\nfd00::5\tweb\n$/],
  [{ hostname: "h", subdomain: "s" }, /\n10\.1\.0\.5\th\.s\.default\.svc\.cluster\.local\th\n/],
  [{ hostNetwork: true }, /\(host network\)\.\n127\.0\.0\.1 node\n$/],
  [
    { hostAliases: [{ ip: "1.2.3.4", hostnames: ["a", "b"] }] },
    /\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/,
  ],
];

for (const [spec, want] of hosts) {
  test(`hostsFile: ${JSON.stringify(spec)} -> ${want}`, () => {
    const place = {
      podIps: ["10.1.0.5", "fd00::5"],
      hostname: spec.hostname ?? "web",
      clusterDomain: "cluster.local",
      nodeHosts: "127.0.0.1 node\n",
    };
    assert.match(hostsFile(podOf(spec), place), want);
  });
}

test("logTail: joins partial lines, keeps the end", () => {
  const log =
    "2026-01-01T00:00:00Z stdout P a\n2026-01-01T00:00:00Z stdout F b\nbroken\n2026 stderr F c\n";
  assert.equal(logTail(log), "ab\nc\n");
  const long = `2026 stdout F ${"x".repeat(3_000)}\n`;
  assert.equal(logTail(long).length, 2_048);
});

const messages: [file: string, policy: string, exitCode: number, want: string][] = [
  ["said", "File", 0, "said"],
  ["", "File", 1, ""],
  ["", "FallbackToLogsOnError", 1, "last words\n"],
  ["", "FallbackToLogsOnError", 0, ""],
  ["said", "FallbackToLogsOnError", 1, "said"],
];

for (const [text, policy, exitCode, want] of messages) {
  test(`readTerminationMessage: '${text}', ${policy}, exit ${exitCode} -> '${want}'`, async () => {
    await inTemporary(async (directory) => {
      const file = join(directory, "message");
      const logPath = join(directory, "0.log");
      await writeFile(file, text);
      await writeFile(logPath, "2026 stdout F last words\n");
      const status = exited("app", { exitCode });
      const annotations = {
        "node.gantry/termination-message-file": file,
        "io.kubernetes.container.terminationMessagePolicy": policy,
      };
      assert.equal(await readTerminationMessage({ ...status, annotations, logPath }), want);
    });
  });
}

test("rotateLog: renames past the bound, keeps so many files, tells the runtime", async () => {
  await inTemporary(async (directory) => {
    const logPath = join(directory, "0.log");
    const reopened: string[] = [];
    const runtime = {
      reopenLog: async (id: string) => {
        reopened.push(id);
      },
    } as Partial<Runtime> as Runtime;
    const limits = { bytesMax: 3, filesMax: 3, periodMs: 1 };
    const container = { ...instance("app"), logPath };
    for (const text of ["ab", "one", "two", "three", "four"]) {
      await writeFile(logPath, text);
      await rotateLog({ runtime, limits }, container, signal);
    }
    assert.deepEqual(await readdir(directory), ["0.log.1", "0.log.2"]);
    assert.equal(await readFile(`${logPath}.2`, "utf8"), "three");
    assert.equal(reopened.length, 4);
  });
});

const view: NodeView = {
  name: "node-1",
  hostIps: ["10.0.0.1"],
  memoryBytes: 1024,
  allocatable: {},
  dns: {
    clusterServers: [],
    clusterDomain: "cluster.local",
    node: { servers: [], searches: [], options: [] },
  },
  seccompDirectory: "/seccomp",
};

function hostIn(directory: string): DiskHost {
  const podDirectory = (uid: string): string => join(directory, "pods", uid);
  const volumes = new Volumes({
    podDirectory,
    secretDirectory: (uid) => join(directory, "secrets", uid),
    mounter: undefined,
    canChown: false,
    objects: new FakeObjects(),
    storage: new FakeStorage(),
    images: new ImageVolumes({
      podDirectory: (uid) => join(directory, "pods", uid),
      runtime: noImages,
      mounter: undefined,
    }),
    tokens: new Tokens(new FakeCluster(), new FakeClock()),
    facts: () => ({ hostIps: [], podIps: [], allocatable: {} }),
    uniqueName: () => "1",
  });
  const logDirectory = join(directory, "logs");
  return new DiskHost({
    podDirectory,
    logDirectory,
    volumes,
    mounter: undefined,
    cgroups: undefined,
    node: () => view,
  });
}

test("DiskHost: mounts of a container, and nothing left in the end", async () => {
  await inTemporary(async (directory) => {
    const host = hostIn(directory);
    const volumeMounts = [
      { name: "v", mountPath: "/work", subPathExpr: "$(POD)/x" },
      { name: "d", mountPath: "/meta" },
    ];
    const container = { spec: containerOf("app", { volumeMounts }), role: "regular" } as const;
    const pod = podOf({
      containers: [container.spec],
      volumes: [
        { name: "v", emptyDir: {} },
        { name: "d", downwardAPI: { items: [] } },
      ],
    });
    await host.prepare(pod, signal);
    const place = { attempt: 0, podIps: ["10.1.0.5"], env: new Map([["POD", "web"]]) };
    const files = await host.containerFiles(pod, container, place, signal);
    const shown = files.mounts.map(
      (it) => `${it.containerPath} ${it.hostPath.slice(directory.length)} ${it.readonly}`,
    );
    assert.deepEqual(shown, [
      "/work /pods/u1/volumes/v/web/x false",
      "/meta /pods/u1/volumes/d true",
      "/etc/hosts /pods/u1/etc-hosts false",
      "/dev/termination-log /pods/u1/containers/app/0.message false",
    ]);
    const nameless = { ...place, env: new Map<string, string>() };
    await assert.rejects(
      host.containerFiles(pod, container, nameless, signal),
      /missing variables/,
    );
    await host.tearDown(pod, signal);
    await host.forget(pod, signal);
    assert.deepEqual(await readdir(join(directory, "pods")), []);
    assert.deepEqual(await readdir(join(directory, "logs")), []);
  });
});

test("DiskHost: a sweep removes the pods that nobody knows", async () => {
  await inTemporary(async (directory) => {
    const host = hostIn(directory);
    await host.prepare(podOf({}, { uid: "old" }), signal);
    await host.prepare(podOf({}, { uid: "new" }), signal);
    await host.sweep(join(directory, "pods"), (uid) => uid === "new", signal);
    assert.deepEqual(await readdir(join(directory, "pods")), ["new"]);
  });
});
