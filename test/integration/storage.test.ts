// Claims, volumes and what pods see of them, with real kubectl on real containers.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Container, PodSpec, Volume } from "#api/gen/types.ts";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const port = 26_451;
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

function kubectl(...args: readonly string[]): string {
  return ok(gantry().kubectl(args));
}

function apply(...objects: readonly object[]): void {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  ok(gantry().kubectl(["apply", "-f", "-"], JSON.stringify(list)));
}

function claim(name: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      ...spec,
    },
  };
}

interface PodOptions {
  readonly volumes?: readonly Volume[];
  readonly mounts?: Container["volumeMounts"];
  readonly script?: string;
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
}

/** A pod that runs a script of busybox and then waits. */
function pod(name: string, options: PodOptions): object {
  const { volumes = [], mounts = [], script = "true", container = {}, spec = {} } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes,
      containers: [
        {
          name: "app",
          image: "busybox",
          imagePullPolicy: "IfNotPresent",
          command: ["sh", "-c", `${script}; exec sleep 1000`],
          volumeMounts: mounts,
          ...container,
        },
      ],
      ...spec,
    },
  };
}

function ready(name: string): void {
  const result = gantry().kubectl([
    "wait",
    "--for=condition=Ready",
    `pod/${name}`,
    "--timeout=30s",
  ]);
  if (result.code === 0) return;
  assert.fail(`${result.stderr}${kubectl("describe", "pod", name)}`);
}

function exec(name: string, script: string): string {
  return kubectl("exec", name, "--", "sh", "-c", script);
}

function field(object: string, path: string): string {
  return kubectl("get", object, "-o", `jsonpath=${path}`);
}

function localPaths(): string[] {
  const directory = join(gantry().directory, "data/node/kubelet/local-path");
  return existsSync(directory) ? readdirSync(directory) : [];
}

function events(name: string): string {
  const selector = `involvedObject.name=${name}`;
  return kubectl(
    "get",
    "events",
    "--field-selector",
    selector,
    "-o",
    "jsonpath={.items[*].message}",
  );
}

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  ok(system.up());
  ok(system.gantry("image", "seed"));
});

after(() => {
  system?.[Symbol.dispose]();
});

const data: Volume = { name: "data", persistentVolumeClaim: { claimName: "data" } };

test(
  "a claim is bound when its first pod comes; its data outlives pods and the system",
  { skip },
  async () => {
    apply(claim("data"));
    await eventuallySays(() => events("data"), /waiting for first consumer/);
    assert.equal(field("pvc/data", "{.status.phase}"), "Pending");
    apply(
      pod("writer", {
        volumes: [data],
        mounts: [{ name: "data", mountPath: "/data" }],
        script: "echo kept > /data/file",
      }),
    );
    ready("writer");
    assert.equal(field("pvc/data", "{.status.phase}"), "Bound");
    const volume = field("pvc/data", "{.spec.volumeName}");
    const node = field("pod/writer", "{.spec.nodeName}");
    assert.match(field(`pv/${volume}`, "{.spec.nodeAffinity}"), new RegExp(JSON.stringify(node)));
    assert.deepEqual(localPaths(), [volume]);
    kubectl("delete", "pod", "writer");
    ok(gantry().gantry("down"));
    ok(gantry().up());
    apply(pod("reader", { volumes: [data], mounts: [{ name: "data", mountPath: "/data" }] }));
    ready("reader");
    assert.equal(exec("reader", "cat /data/file"), "kept\n");
  },
);

test("a claim grows where its class lets it", { skip }, async () => {
  const more = (size: string): string =>
    JSON.stringify({ spec: { resources: { requests: { storage: size } } } });
  kubectl("patch", "pvc", "data", "-p", more("3Gi"));
  await eventuallySays(() => field("pvc/data", "{.status.capacity.storage}"), /^3Gi$/);
  const volume = field("pvc/data", "{.spec.volumeName}");
  assert.equal(field(`pv/${volume}`, "{.spec.capacity.storage}"), "3Gi");
  const less = gantry().kubectl(["patch", "pvc", "data", "-p", more("1Gi")]);
  assert.match(less.stderr, /field can not be less than status.capacity/);
});

test("a claim in use stays; deleted at last, its directory goes with it", { skip }, async () => {
  kubectl("delete", "pvc", "data", "--wait=false");
  assert.match(kubectl("get", "pvc", "data"), /Terminating/);
  apply(pod("late", { volumes: [data] }));
  await eventuallySays(() => events("late"), /persistentvolumeclaim "data" is being deleted/);
  assert.equal(exec("reader", "cat /data/file"), "kept\n");
  kubectl("delete", "pod", "reader", "late");
  await eventuallySays(() => kubectl("get", "pvc,pv", "-o", "name"), /^$/);
  assert.deepEqual(localPaths(), []);
});

function volume(name: string, path: string, spec: object): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      storageClassName: "by-hand",
      hostPath: { path },
      ...spec,
    },
  };
}

test(
  "a volume made by hand: the smallest that fits is bound, kept, and bound no more",
  { skip },
  async () => {
    const path = join(gantry().directory, "by-hand");
    mkdirSync(path);
    writeFileSync(join(path, "file"), "mine\n");
    apply(volume("large", "/nowhere", { capacity: { storage: "9Gi" } }), volume("small", path, {}));
    const phases = (): string => kubectl("get", "pv", "-o", "jsonpath={.items[*].status.phase}");
    await eventuallySays(phases, /^Available Available$/);
    apply(claim("by-hand", { storageClassName: "by-hand" }));
    await eventuallySays(() => field("pvc/by-hand", "{.status.phase}"), /^Bound$/);
    assert.equal(field("pvc/by-hand", "{.spec.volumeName}"), "small");
    assert.equal(field("pv/large", "{.status.phase}"), "Available");
    const mine: Volume = {
      name: "v",
      persistentVolumeClaim: { claimName: "by-hand", readOnly: true },
    };
    apply(pod("by-hand", { volumes: [mine], mounts: [{ name: "v", mountPath: "/v" }] }));
    ready("by-hand");
    assert.equal(exec("by-hand", "cat /v/file; touch /v/x 2>&1 || true").split("\n")[0], "mine");
    assert.deepEqual(readdirSync(path), ["file"]);
    kubectl("delete", "pod/by-hand", "pvc/by-hand");
    await eventuallySays(() => field("pv/small", "{.status.phase}"), /^Released$/);
    apply(claim("again", { storageClassName: "by-hand" }));
    await eventuallySays(() => field("pvc/again", "{.spec.volumeName}"), /^large$/);
    assert.equal(readFileSync(join(path, "file"), "utf8"), "mine\n");
    kubectl("delete", "pvc/again", "pv/small", "pv/large");
  },
);

const unbindable: [name: string, spec: object, want: RegExp][] = [
  ["no-class", { storageClassName: "" }, /no persistent volumes available for this claim/],
  ["odd-class", { storageClassName: "odd" }, /storageclass.storage.k8s.io "odd" not found/],
];

test("claims that cannot be bound, and pods that wait for them, say why", { skip }, async () => {
  for (const [name, spec] of unbindable) {
    const wants: Volume = { name: "v", persistentVolumeClaim: { claimName: name } };
    apply(claim(name, spec), pod(name, { volumes: [wants] }));
  }
  for (const [name, , want] of unbindable) {
    const said = await eventuallySays(() => events(name), want);
    assert.match(
      said,
      /0\/1 nodes are available: pod has unbound immediate PersistentVolumeClaims/,
    );
  }
  const many = { accessModes: ["ReadWriteMany"] };
  const wants: Volume = { name: "v", persistentVolumeClaim: { claimName: "many" } };
  apply(claim("many", many), pod("many", { volumes: [wants] }));
  await eventuallySays(() => events("many"), /access mode ReadWriteMany is not supported/);
  const none: Volume = { name: "v", persistentVolumeClaim: { claimName: "none" } };
  apply(pod("none", { volumes: [none] }));
  await eventuallySays(() => events("none"), /persistentvolumeclaim "none" not found/);
  apply(claim("none"));
  ready("none");
  const names = ["no-class", "odd-class", "many", "none"];
  kubectl("delete", ...names.flatMap((it) => [`pod/${it}`, `pvc/${it}`]));
});

test("an ephemeral volume lives and dies with its pod", { skip }, async () => {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } };
  const scratch: Volume = { name: "scratch", ephemeral: { volumeClaimTemplate: { spec } } };
  const mounts = [{ name: "scratch", mountPath: "/scratch" }];
  apply(pod("ephemeral", { volumes: [scratch], mounts, script: "echo x > /scratch/file" }));
  ready("ephemeral");
  assert.equal(exec("ephemeral", "cat /scratch/file"), "x\n");
  assert.equal(field("pvc/ephemeral-scratch", "{.status.phase}"), "Bound");
  kubectl("delete", "pod", "ephemeral");
  await eventuallySays(() => kubectl("get", "pvc,pv", "-o", "name"), /^$/);
  assert.deepEqual(localPaths(), []);
});

test("an image is a read-only volume, and nothing of it stays", { skip }, async () => {
  const image: Volume = {
    name: "image",
    image: { reference: "busybox", pullPolicy: "IfNotPresent" },
  };
  const mounts = [
    { name: "image", mountPath: "/image" },
    { name: "image", mountPath: "/tools", subPath: "bin" },
  ];
  apply(pod("image", { volumes: [image], mounts }));
  ready("image");
  assert.match(exec("image", "ls /image"), /bin/);
  assert.match(exec("image", "ls /tools"), /busybox/);
  assert.match(exec("image", "touch /image/x 2>&1 || true"), /Read-only file system/);
  kubectl("delete", "pod", "image");
  const mounted = (): string =>
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((it) => it.includes(gantry().directory) && it.includes("/images/"))
      .join("\n");
  await eventuallySays(mounted, /^$/);
});

test("a subPath never leads out of its volume", { skip }, async () => {
  const shared: Volume = { name: "shared", emptyDir: {} };
  const app = (name: string, subPath: string): Container => ({
    name,
    image: "busybox",
    imagePullPolicy: "IfNotPresent",
    command: ["sleep", "1000"],
    volumeMounts: [{ name: "shared", mountPath: "/mnt", subPath }],
  });
  const prepare: Container = {
    ...app("prepare", ""),
    command: [
      "sh",
      "-c",
      "mkdir /mnt/dir; ln -s /etc /mnt/out; ln -s dir /mnt/in; echo y > /mnt/dir/f",
    ],
  };
  const spec = {
    initContainers: [prepare],
    containers: [app("inside", "in"), app("outside", "out")],
  };
  apply(pod("escape", { volumes: [shared], spec }));
  await eventuallySays(() => events("escape"), /subPath "out" leads out of the volume/);
  const inside = (): string =>
    gantry().kubectl(["exec", "escape", "-c", "inside", "--", "cat", "/mnt/f"]).stdout;
  await eventuallySays(inside, /^y$/m);
  const state = "{.status.containerStatuses[?(@.name=='outside')].state.waiting.reason}";
  assert.equal(field("pod/escape", state), "CreateContainerConfigError");
  kubectl("delete", "pod", "escape");
});

test("fsGroup owns what a pod is given, and OnRootMismatch looks only once", { skip }, () => {
  apply(claim("owned"));
  const volumes: Volume[] = [
    { name: "claim", persistentVolumeClaim: { claimName: "owned" } },
    { name: "empty", emptyDir: {} },
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "8Mi" } },
  ];
  const mounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const spec = {
    securityContext: { runAsUser: 1000, fsGroup: 4242, fsGroupChangePolicy: "OnRootMismatch" },
  };
  const made: Container = {
    name: "made",
    image: "busybox",
    imagePullPolicy: "IfNotPresent",
    command: ["sleep", "1000"],
    volumeMounts: [{ name: "claim", mountPath: "/made", subPath: "a/b" }],
  };
  const { spec: base } = pod("owned", { volumes, mounts, spec }) as { spec: PodSpec };
  const containers = [...base.containers, made];
  apply(pod("owned", { volumes, spec: { ...spec, containers } }));
  ready("owned");
  for (const { name } of volumes) {
    const said = exec(
      "owned",
      `touch /${name}/f && stat -c '%g %A' /${name} && stat -c %g /${name}/f`,
    );
    assert.match(said, /^4242 drwxrws...\n4242\n$/, name);
  }
  assert.match(exec("owned", "df -k /memory | tail -1"), / 8192 /);
  const other = kubectl(
    "exec",
    "owned",
    "-c",
    "made",
    "--",
    "sh",
    "-c",
    "touch /made/x && echo fine",
  );
  assert.equal(other, "fine\n");
  kubectl("delete", "pod/owned", "pvc/owned");
});

test(
  "mounts that a privileged container makes reach those that ask for them",
  { skip },
  async () => {
    const shared: Volume = { name: "shared", emptyDir: {} };
    const container = (name: string, mountPropagation: string | undefined): Container => ({
      name,
      image: "busybox",
      imagePullPolicy: "IfNotPresent",
      command: ["sleep", "1000"],
      volumeMounts: [{ name: "shared", mountPath: "/shared", mountPropagation }],
    });
    const containers = [
      { ...container("maker", "Bidirectional"), securityContext: { privileged: true } },
      container("follower", "HostToContainer"),
      container("alone", undefined),
    ];
    apply(pod("propagation", { volumes: [shared], spec: { containers } }));
    ready("propagation");
    const inside = (name: string, script: string): string =>
      kubectl("exec", "propagation", "-c", name, "--", "sh", "-c", script);
    inside("maker", "mkdir /shared/m && mount -t tmpfs t /shared/m && echo z > /shared/m/f");
    assert.equal(inside("follower", "cat /shared/m/f"), "z\n");
    assert.equal(inside("alone", "ls /shared/m"), "");
    const uid = field("pod/propagation", "{.metadata.uid}");
    kubectl("delete", "pod", "propagation");
    const mounted = (): string =>
      readFileSync("/proc/self/mountinfo", "utf8").includes(uid) ? uid : "";
    await eventuallySays(mounted, /^$/);
  },
);

test(
  "ConfigMaps reach running pods at once and whole, but not those that never change",
  { skip },
  async () => {
    const map = (name: string, value: string, immutable: boolean): object => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name },
      data: { a: value, b: value },
      immutable,
    });
    apply(map("changing", "1", false), map("fixed", "1", true));
    const names = ["changing", "fixed"];
    const volumes: Volume[] = names.map((name) => ({ name, configMap: { name } }));
    const mounts = names.map((name) => ({ name, mountPath: `/${name}` }));
    apply(pod("maps", { volumes, mounts }));
    ready("maps");
    apply(map("changing", "2", false));
    await eventuallySays(() => exec("maps", "cat /changing/a /changing/b"), /^22$/);
    const refused = gantry().kubectl(["apply", "-f", "-"], JSON.stringify(map("fixed", "2", true)));
    assert.match(refused.stderr, /field is immutable when `immutable` is set/);
    assert.equal(exec("maps", "cat /fixed/a"), "1");
  },
);

test("reset with volumes in use leaves no mount", { skip }, () => {
  const { directory } = gantry();
  apply(claim("last"));
  const last: Volume = { name: "v", persistentVolumeClaim: { claimName: "last" } };
  const image: Volume = { name: "i", image: { reference: "busybox", pullPolicy: "Never" } };
  const mounts = [
    { name: "v", mountPath: "/v", subPath: "s" },
    { name: "i", mountPath: "/i" },
  ];
  apply(pod("last", { volumes: [last, image], mounts }));
  ready("last");
  ok(gantry().gantry("reset"));
  assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(directory));
  assert.equal(existsSync(join(directory, "data")), false);
});
