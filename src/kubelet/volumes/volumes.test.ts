import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod, Volume } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import { FakeCluster, FakeObjects, FakeStorage, noImages } from "#testing/kubelet-ports.ts";
import { podOf } from "#testing/pod-fixtures.ts";
import { writePayload } from "./atomic-writer.ts";
import { checkHostPath } from "./host-path.ts";
import { checkedPath } from "./payload.ts";
import { openSubPath } from "./subpath.ts";
import { ImageVolumes } from "./image-volumes.ts";
import { Tokens } from "./tokens.ts";
import { Volumes } from "./volumes.ts";

const signal = new AbortController().signal;

async function inTemporary(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "volumes-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function counter(): () => string {
  let count = 0;
  return () => String((count += 1));
}

function payloadOf(files: Record<string, string>): Map<string, { content: Buffer; mode: number }> {
  return new Map(
    Object.entries(files).map(([path, text]) => [
      path,
      { content: Buffer.from(text), mode: 0o640 },
    ]),
  );
}

test("writePayload: all files change at once, stale ones go, an equal payload is not written", async () => {
  await inTemporary(async (directory) => {
    const options = { gid: undefined, uniqueName: counter() };
    await writePayload(directory, payloadOf({ a: "1", "sub/b": "2", "sub/c": "3" }), options);
    assert.deepEqual((await readdir(directory)).sort(), ["..1", "..data", "a", "sub"]);
    assert.equal(await readlink(join(directory, "a")), "..data/a");
    assert.equal(await readFile(join(directory, "sub/b"), "utf8"), "2");
    assert.equal((await stat(join(directory, "a"))).mode & 0o777, 0o640);
    const again = payloadOf({ a: "1", "sub/b": "2", "sub/c": "3" });
    assert.equal(await writePayload(directory, again, options), "unchanged");
    assert.equal(await writePayload(directory, payloadOf({ a: "9" }), options), "written");
    assert.deepEqual((await readdir(directory)).sort(), ["..2", "..data", "a"]);
    assert.equal(await readFile(join(directory, "a"), "utf8"), "9");
  });
});

test("writePayload: a write that was cut short is finished", async () => {
  await inTemporary(async (directory) => {
    await mkdir(join(directory, "..old"));
    await symlink("..gone", join(directory, "..data"));
    await symlink("..old", join(directory, "..data_tmp"));
    const options = { gid: undefined, uniqueName: counter() };
    await writePayload(directory, payloadOf({ a: "1" }), options);
    assert.equal(await readFile(join(directory, "a"), "utf8"), "1");
  });
});

const paths: [path: string, want: string | undefined][] = [
  ["a", "a"],
  ["a//b/./c", "a/b/c"],
  ["/a", undefined],
  ["../a", undefined],
  ["a/../b", undefined],
  ["..data", undefined],
  ["", undefined],
];

for (const [path, want] of paths) {
  test(`checkedPath: '${path}' -> ${String(want)}`, () => {
    if (want === undefined) assert.throws(() => checkedPath(path), /stay in the volume/);
    else assert.equal(checkedPath(path), want);
  });
}

test("openSubPath: makes directories, and never leaves the volume", async () => {
  await inTemporary(async (directory) => {
    const volume = join(directory, "volume");
    await mkdir(join(directory, "outside"));
    await mkdir(volume);
    await (await openSubPath(volume, "new/deep")).close();
    assert.ok((await stat(join(volume, "new/deep"))).isDirectory());
    await symlink(join(directory, "outside"), join(volume, "escape"));
    await symlink("new/deep", join(volume, "inside"));
    await (await openSubPath(volume, "inside")).close();
    await assert.rejects(openSubPath(volume, "escape"), /leads out of the volume/);
    await assert.rejects(openSubPath(volume, "escape/made"), /leads out of the volume/);
    assert.deepEqual(await readdir(join(directory, "outside")), []);
    await assert.rejects(openSubPath(volume, "../outside"), /stay in the volume/);
  });
});

test("checkHostPath: checks, and creates where the type says so", async () => {
  await inTemporary(async (directory) => {
    const at = (name: string): string => join(directory, name);
    await writeFile(at("file"), "");
    await checkHostPath(at("missing"), "");
    await checkHostPath(at("made/deep"), "DirectoryOrCreate");
    await checkHostPath(at("made/file"), "FileOrCreate");
    await checkHostPath(at("file"), "File");
    await checkHostPath("/dev/null", "CharDevice");
    await assert.rejects(checkHostPath(at("file"), "Directory"), /is not a directory/);
    await assert.rejects(checkHostPath(at("missing"), "File"), /is not a file/);
    await assert.rejects(checkHostPath(at("file"), "Socket"), /is not a socket file/);
    await assert.rejects(checkHostPath(at("file"), "Odd"), /Odd is an invalid volume type/);
  });
});

function volumesIn(directory: string, objects: FakeObjects, clock = new FakeClock()): Volumes {
  const tokens = new Tokens(new FakeCluster(), clock);
  return new Volumes({
    podDirectory: (uid) => join(directory, "pods", uid),
    secretDirectory: (uid) => join(directory, "secrets", uid),
    mounter: undefined,
    canChown: false,
    objects,
    storage: new FakeStorage(),
    images: new ImageVolumes({
      podDirectory: (uid) => join(directory, "pods", uid),
      runtime: noImages,
      mounter: undefined,
    }),
    tokens,
    facts: () => ({ hostIps: ["10.0.0.1"], podIps: ["10.1.0.5"], allocatable: {} }),
    uniqueName: counter(),
  });
}

function podWith(...volumes: Volume[]): Pod {
  return podOf({ volumes }, { labels: { app: "web" } });
}

const objects = new FakeObjects({
  configMaps: [
    {
      metadata: { namespace: "default", name: "cm" },
      data: { a: "1", b: "2" },
      binaryData: { c: btoa("\u0001") },
    },
  ],
  secrets: [{ metadata: { namespace: "default", name: "s" }, data: { key: btoa("secret") } }],
});

const kinds: [name: string, source: Omit<Volume, "name">, want: Record<string, string>][] = [
  ["configMap", { configMap: { name: "cm" } }, { a: "1 644", b: "2 644", c: "\u0001 644" }],
  [
    "configMap items",
    {
      configMap: {
        name: "cm",
        defaultMode: 0o600,
        items: [
          { key: "a", path: "x/y" },
          { key: "b", path: "z", mode: 0o400 },
        ],
      },
    },
    { "x/y": "1 600", z: "2 400" },
  ],
  ["optional configMap", { configMap: { name: "none", optional: true } }, {}],
  ["secret", { secret: { secretName: "s", defaultMode: 0o400 } }, { key: "secret 400" }],
  [
    "downwardAPI",
    {
      downwardAPI: {
        items: [
          { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
          { path: "ip", fieldRef: { fieldPath: "status.podIP" } },
        ],
      },
    },
    { labels: 'app="web" 644', ip: "10.1.0.5 644" },
  ],
  [
    "projected",
    {
      projected: {
        sources: [
          { serviceAccountToken: { path: "token" } },
          { configMap: { name: "cm", items: [{ key: "a", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }],
            },
          },
        ],
      },
    },
    { token: "token 644", "ca.crt": "1 644", namespace: "default 644" },
  ],
  ["emptyDir", { emptyDir: {} }, {}],
];

for (const [name, source, want] of kinds) {
  test(`Volumes: ${name}`, async () => {
    await inTemporary(async (directory) => {
      const volumes = volumesIn(directory, objects);
      const pod = podWith({ name: "v", ...source });
      await volumes.setUp(pod, signal);
      const path = volumes.pathOf(pod, "v") ?? "";
      const got: Record<string, string> = {};
      for (const file of Object.keys(want)) {
        const mode = (await stat(join(path, file))).mode & 0o777;
        got[file] = `${await readFile(join(path, file), "utf8")} ${mode.toString(8)}`;
      }
      assert.deepEqual(got, want);
      await volumes.tearDown("u1", signal);
      await assert.rejects(stat(path), /ENOENT/);
    });
  });
}

test("Volumes: what is missing is named, volume by volume", async () => {
  await inTemporary(async (directory) => {
    const volumes = volumesIn(directory, objects);
    const pod = podWith(
      { name: "v", configMap: { name: "none" } },
      { name: "w", secret: { secretName: "s", items: [{ key: "x", path: "x" }] } },
      { name: "n", nfs: { server: "x", path: "/" } },
    );
    await assert.rejects(volumes.setUp(pod, signal), (error: Error) => {
      assert.match(error.message, /volume "v" : configmap "none" not found/);
      assert.match(error.message, /volume "w" : secret "s" references non-existent config key: x/);
      assert.match(error.message, /volume "n" : volumes of kind 'nfs' are not supported/);
      return true;
    });
  });
});

test("Volumes: emptyDir keeps its content, fsGroup opens files to the group", async () => {
  await inTemporary(async (directory) => {
    const volumes = volumesIn(directory, objects);
    const pod = podOf({
      securityContext: { fsGroup: 2000 },
      volumes: [
        { name: "v", emptyDir: {} },
        { name: "s", secret: { secretName: "s", defaultMode: 0o400 } },
      ],
    });
    await volumes.setUp(pod, signal);
    await writeFile(join(volumes.pathOf(pod, "v") ?? "", "kept"), "x");
    await volumes.setUp(pod, signal);
    assert.equal(await readFile(join(volumes.pathOf(pod, "v") ?? "", "kept"), "utf8"), "x");
    assert.equal((await stat(join(volumes.pathOf(pod, "s") ?? "", "key"))).mode & 0o777, 0o440);
  });
});

test("Tokens: replaced at 80 % of their life, kept while the server fails", async () => {
  const clock = new FakeClock();
  const cluster = new FakeCluster();
  let issued = 0;
  let isDown = false;
  cluster.createToken = async () => {
    if (isDown) throw new Error("down");
    issued += 1;
    return { token: `t${issued}`, expiresAtMs: clock.now() + 1_000_000 };
  };
  const tokens = new Tokens(cluster, clock);
  const pod = podOf();
  const seen: string[] = [];
  for (const [step, down] of [
    [0, false],
    [799_999, false],
    [1, true],
    [1, false],
  ] as const) {
    await clock.advance(step);
    isDown = down;
    seen.push(await tokens.get(pod, {}, signal));
  }
  assert.deepEqual(seen, ["t1", "t1", "t1", "t2"]);
  assert.equal(tokens.nextRefreshMs("u1"), 1_600_001);
});

test("openSubPath: what is missing is made as open as the volume, and pipes do not block", async () => {
  await inTemporary(async (directory) => {
    const base = join(directory, "volume");
    await mkdir(base);
    await chmod(base, 0o2777);
    await using made = await openSubPath(base, "a/b");
    assert.equal((await made.stat()).isDirectory(), true);
    for (const path of ["a", "a/b"]) {
      assert.equal((await stat(join(base, path))).mode & 0o7777, 0o2777);
    }
    execFileSync("mkfifo", [join(base, "pipe")]);
    await using pipe = await openSubPath(base, "pipe");
    assert.equal((await pipe.stat()).isFIFO(), true);
    await symlink("nowhere", join(base, "dangling"));
    await assert.rejects(openSubPath(base, "dangling"), /changed while it was opened/);
    await symlink(directory, join(base, "out"));
    await assert.rejects(openSubPath(base, "out/new"), /leads out of the volume/);
    assert.deepEqual(await readdir(directory), ["volume"]);
  });
});
