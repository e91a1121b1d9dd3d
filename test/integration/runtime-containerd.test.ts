import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, suite, test } from "node:test";
import { extract, pack } from "tar-stream";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import {
  createCgroup,
  detectCgroups,
  readCgroupUsage,
  removeCgroup,
  setCgroupLimits,
} from "#cri/cgroups.ts";
import { findBinaries } from "#cri/containerd/binaries.ts";
import { type NodeRuntime, startNodeRuntime } from "#cri/containerd/node-runtime.ts";
import { resetNode } from "#cri/containerd/reset.ts";
import { writeRegistryMirrors } from "#cri/containerd/supervise.ts";
import { pauseImageName } from "#cri/images/pause.ts";
import { busyboxImage, busyboxImageName } from "#cri/images/seed.ts";
import { mountsBelow } from "#cri/mounts.ts";
import { listProcesses, readProcess, signalProcess } from "#cri/procfs.ts";
import type { RuntimeEvent } from "#cri/runtime.ts";
import { eventuallyAnswers } from "#testing/eventually.ts";
import { runtimeSuite } from "#testing/runtime/suite.ts";
import { RuntimeTester, type RuntimeFixture } from "#testing/runtime/tester.ts";

const never = new AbortController().signal;

async function whyNot(): Promise<string | false> {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  try {
    await findBinaries();
    for await (const chunk of busyboxImage(process.arch)) if (chunk.length > 0) break;
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const skip = await whyNot();
if (skip !== false) process.stdout.write(`# containerd tests are skipped: ${skip}\n`);

/** A node of its own: directory, range of addresses, control groups and rules. */
class TestNode {
  readonly id = randomBytes(3).toString("hex");
  readonly nodeDir = `/tmp/gantry-${this.id}`;
  readonly cgroupParent = `/gantry-test-${this.id}`;
  readonly table = `gantry_test_${this.id}`;
  readonly podCidr = `10.${200 + ((randomBytes(1)[0] ?? 0) % 50)}.${randomBytes(1)[0] ?? 0}.0/24`;

  async start(): Promise<NodeRuntime> {
    return await startNodeRuntime(
      {
        nodeDir: this.nodeDir,
        podCidr: this.podCidr,
        clusterCidr: this.podCidr,
        mtu: 1500,
        table: this.table,
        owner: "a test",
        environment: {},
        arch: process.arch,
        clock: systemClock,
        log: silentLogger,
      },
      never,
    );
  }

  async reset(): Promise<void> {
    const { nodeDir, cgroupParent, table } = this;
    const options = { nodeDir, cgroupParents: [cgroupParent], table, clock: systemClock };
    await resetNode(options, never);
  }

  async fixture(runtime: NodeRuntime): Promise<RuntimeFixture> {
    await runtime.runtime.importImage(busyboxImage(process.arch), never);
    const directory = join(this.nodeDir, "suite");
    await mkdir(directory, { recursive: true });
    return {
      runtime: runtime.runtime,
      image: busyboxImageName,
      missingImage: "127.0.0.1:1/none:1",
      directory,
      cgroupParent: this.cgroupParent,
      close: () => Promise.resolve(),
    };
  }
}

const suiteNode = new TestNode();
runtimeSuite(
  "containerd",
  async () => {
    const node = await suiteNode.start();
    return {
      ...(await suiteNode.fixture(node)),
      async close() {
        node[Symbol.dispose]();
        await suiteNode.reset();
      },
    };
  },
  { skip },
);

suite("containerd node", { skip }, () => {
  const testNode = new TestNode();
  let node: NodeRuntime;
  let tester: RuntimeTester;

  before(async () => {
    node = await testNode.start();
    tester = new RuntimeTester(await testNode.fixture(node));
  });

  after(async () => {
    node[Symbol.dispose]();
    await testNode.reset();
  });

  test("a second start adopts the running containerd", async () => {
    using again = await testNode.start();
    assert.equal(again.containerd.pid, node.containerd.pid);
    assert.ok((await again.runtime.imageStatus(busyboxImageName, never)) !== undefined);
  });

  test("killed, containerd comes back; containers go on, and their state is told", async () => {
    const stop = new AbortController();
    const running = node.containerd.run(stop.signal);
    const seen: RuntimeEvent[] = [];
    const watching = (async () => {
      for await (const event of tester.runtime.events(stop.signal)) seen.push(event);
    })();
    try {
      await survive(seen);
    } finally {
      stop.abort(new Error("seen enough"));
      await Promise.allSettled([running, watching]);
    }
  });

  async function survive(seen: RuntimeEvent[]): Promise<void> {
    await tester.withContainer(["sleep", "3600"], async ({ id, sandboxId }) => {
      await eventuallyAnswers(
        async () => seen.length,
        (it) => it > 0,
      );
      const before = await tester.runtime.containerStatus(id, never);
      const ips = (await tester.runtime.sandboxStatus(sandboxId, never))?.ips;
      const killed = node.containerd.pid;
      seen.length = 0;
      signalProcess(killed, "SIGKILL");
      await eventuallyAnswers(
        async () => seen.some((it) => it.id === id && it.kind === "started"),
        (it) => it,
      );
      assert.notEqual(node.containerd.pid, killed);
      const after = await tester.runtime.containerStatus(id, never);
      assert.deepEqual([after?.state, after?.pid], ["running", before?.pid]);
      assert.deepEqual((await tester.runtime.sandboxStatus(sandboxId, never))?.ips, ips);
      const result = await tester.runtime.execSync(id, ["echo", "alive"], 10_000, never);
      assert.equal(Buffer.from(result.stdout).toString(), "alive\n");
    });
  }

  test("all that a container has printed is in its log, however soon it ends", async () => {
    const wanted = Array.from({ length: 20_000 }, (_, index) => String(index + 1));
    for (let round = 0; round < 8; round++) {
      const sandbox = tester.sandboxConfig();
      const config = tester.containerConfig(["seq", "1", "20000"]);
      await tester.withSandbox(sandbox, async (sandboxId) => {
        const id = await tester.runtime.createContainer(sandboxId, config, sandbox, never);
        await tester.runtime.startContainer(id, never);
        await tester.exited(id);
        const lines = await eventuallyAnswers(
          async () => {
            const text = await readFile(join(sandbox.logDirectory, config.logPath), "utf8");
            return text.split("\n").map((it) => it.split(" ").at(-1));
          },
          (it) => it.length > wanted.length,
        );
        assert.deepEqual(lines.slice(0, -1), wanted);
      });
    }
  });

  test("a container over its memory limit is OOMKilled", async () => {
    const script = "x=a; while true; do x=$x$x; done";
    await tester.withContainer(
      ["sh", "-c", script],
      async ({ id }) => {
        const status = await tester.exited(id);
        assert.deepEqual([status.exitCode, status.reason], [137, "OOMKilled"]);
      },
      {
        resources: {
          cpuPeriod: 100_000,
          cpuQuota: 50_000,
          cpuShares: 512,
          memoryLimitBytes: 16 * 1024 * 1024,
          oomScoreAdj: 1000,
        },
      },
    );
  });

  test("the host reaches a pod, and a pod reaches another", async () => {
    const server = ["httpd", "-f", "-p", "8080", "-h", "/etc"];
    await tester.withContainer(server, async ({ sandboxId }) => {
      const [ip = ""] = (await tester.runtime.sandboxStatus(sandboxId, never))?.ips ?? [];
      const answer = await eventuallyAnswers(
        () => getOverTcp(ip, 8080),
        (it) => it !== "",
      );
      assert.match(answer, /^HTTP\/1\.[01] 200 OK/);
      await tester.withContainer(["sleep", "3600"], async ({ id }) => {
        const request = `printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' | nc ${ip} 8080`;
        const got = await tester.runtime.execSync(id, ["sh", "-c", request], 10_000, never);
        assert.match(Buffer.from(got.stdout).toString(), /root:x:0:0/);
      });
    });
  });

  test("a forward to a port where nobody listens says so", async () => {
    await tester.withContainer(["sleep", "3600"], async ({ sandboxId }) => {
      const stream = await tester.runtime.portForward(sandboxId, 4444, never);
      await assert.rejects(async () => {
        for await (const chunk of stream.output) assert.equal(chunk.length, 0);
      }, /connection refused/);
    });
  });

  test("sandboxes start though somebody removed the pause image", async () => {
    await tester.runtime.removeImage(pauseImageName, never);
    await tester.withContainer(["true"], async ({ id }) => {
      await tester.exited(id);
    });
  });

  test("security settings reach the process", async () => {
    const security = {
      ...tester.containerConfig([]).security,
      runAsUser: 1000,
      runAsGroup: 2000,
      supplementalGroups: [3000],
      readonlyRootFilesystem: true,
      noNewPrivileges: true,
      dropCapabilities: ["ALL"],
      maskedPaths: ["/proc/kcore"],
    };
    const script = "id; touch /file; grep -E 'NoNewPrivs|Seccomp:|CapBnd' /proc/self/status";
    await tester.withContainer(
      ["sleep", "3600"],
      async ({ id }) => {
        const run = await tester.runtime.execSync(id, ["sh", "-c", script], 10_000, never);
        const text = Buffer.from(run.stdout).toString();
        assert.match(text, /uid=1000 gid=2000 groups=2000,3000/);
        assert.match(text, /CapBnd:\s0000000000000000/);
        assert.match(text, /NoNewPrivs:\s1/);
        assert.match(text, /Seccomp:\s2/);
        assert.match(Buffer.from(run.stderr).toString(), /Read-only file system/);
      },
      { security },
    );
  });

  test("an archive of `docker save` is imported and runs", async () => {
    const names = await tester.runtime.importImage(await dockerArchive(), never);
    assert.deepEqual(names, ["docker.io/team/tool:2"]);
    const changes = { image: "team/tool:2" };
    await tester.withContainer(
      ["/bin/busybox", "true"],
      async ({ id }) => {
        assert.equal((await tester.exited(id)).exitCode, 0);
      },
      changes,
    );
  });

  test("images are pulled through a mirror, with the credentials given", async () => {
    const files = await untarImage();
    const registry = await serveRegistry(files, "someone:secret");
    try {
      const auth = { username: "someone", password: "secret" };
      const direct = registry.url.replace("http://", "");
      await tester.fails(
        "other",
        tester.runtime.pullImage(`${direct}/team/app:1`, undefined, never),
      );
      const missing = tester.runtime.pullImage(`${direct}/team/app:none`, auth, never);
      await tester.fails("image-not-found", missing);
      await writeRegistryMirrors(node.layout, [{ url: registry.url }]);
      const mirrored = "registry.example.com/team/app:1";
      const id = await tester.runtime.pullImage(mirrored, auth, never);
      assert.equal((await tester.runtime.imageStatus(mirrored, never))?.id, id);
    } finally {
      registry.server.close();
    }
  });

  test("control groups: made, limited, read and removed in every hierarchy", async () => {
    const cgroups = await detectCgroups();
    const path = `${testNode.cgroupParent}/measured`;
    await createCgroup(cgroups, path);
    await setCgroupLimits(cgroups, path, {
      cpuShares: 100,
      cpuQuota: 20_000,
      memoryLimitBytes: 64 * 1024 * 1024,
      pidsMax: 50,
    });
    const sandbox = { ...tester.sandboxConfig(), cgroupParent: path };
    await tester.withSandbox(sandbox, async (sandboxId) => {
      const config = tester.containerConfig(["sleep", "3600"]);
      const id = await tester.runtime.createContainer(sandboxId, config, sandbox, never);
      await tester.runtime.startContainer(id, never);
      // The runtime's own threads leave the group some moments after the start.
      const usage = await eventuallyAnswers(
        () => readCgroupUsage(cgroups, path),
        (it) => it?.processes === 2,
      );
      assert.ok(usage.cpuNanoseconds > 0n && usage.memoryUsageBytes > 0);
    });
    await eventuallyAnswers(
      () => removeCgroup(cgroups, path).then(() => "removed", String),
      (it) => it === "removed",
    );
    assert.equal(await readCgroupUsage(cgroups, path), undefined);
  });
});

test("reset of a node with running pods leaves nothing", { skip }, async () => {
  const testNode = new TestNode();
  const node = await testNode.start();
  const tester = new RuntimeTester(await testNode.fixture(node));
  const pids: number[] = [];
  const sandboxIds: string[] = [];
  for (let pod = 0; pod < 3; pod++) {
    const sandbox = tester.sandboxConfig();
    const sandboxId = await tester.runtime.runSandbox(sandbox, never);
    sandboxIds.push(sandboxId);
    const command = ["sh", "-c", "sleep 3600 & sleep 3600"];
    const config = tester.containerConfig(command);
    const id = await tester.runtime.createContainer(sandboxId, config, sandbox, never);
    await tester.runtime.startContainer(id, never);
    for (const status of [
      await tester.runtime.containerStatus(id, never),
      await tester.runtime.sandboxStatus(sandboxId, never),
    ]) {
      assert.ok(status?.pid !== undefined);
      pids.push(status.pid);
    }
  }
  node[Symbol.dispose]();
  assert.equal((await podRoutes(testNode)).length, 3);
  assert.equal((await sharedFiles(node, sandboxIds)).length, 3 + 3 + 3);
  await testNode.reset();

  for (const pid of pids) assert.equal(await readProcess(pid), undefined, `process ${pid}`);
  const processes = (await listProcesses()).filter((it) =>
    it.commandLine.some((word) => word.includes(testNode.nodeDir)),
  );
  assert.deepEqual(processes, []);
  assert.equal(existsSync(testNode.nodeDir), false);
  const mountinfo = await readFile("/proc/self/mountinfo", "utf8");
  assert.deepEqual(mountsBelow(mountinfo, testNode.nodeDir), []);
  for (const root of (await detectCgroups()).roots) {
    assert.equal(existsSync(join(root, testNode.cgroupParent)), false, root);
  }
  assert.deepEqual(await sharedFiles(node, sandboxIds), []);
  const { nft } = await findBinaries();
  assert.doesNotMatch(
    execFileSync(nft, ["list", "tables"], { encoding: "utf8" }),
    new RegExp(testNode.table),
  );
  // The kernel takes links away some moments after their namespace.
  await eventuallyAnswers(
    () => podRoutes(testNode),
    (it) => it.length === 0,
  );
  await testNode.reset();
});

/** Routes of the host to single pods; they go with the pods' links. */
async function podRoutes(testNode: TestNode): Promise<string[]> {
  const [a = 0, b = 0, c = 0] = testNode.podCidr.split(".").map(Number);
  // /proc/net/route has addresses as little-endian hexadecimal numbers.
  const prefix = Buffer.of(c, b, a).toString("hex").toUpperCase();
  const lines = (await readFile("/proc/net/route", "latin1")).split("\n");
  return lines.filter((it) => it.split("\t")[1]?.endsWith(prefix) === true);
}

/** Files of the sandboxes in directories that all containerds of the machine share. */
async function sharedFiles(node: NodeRuntime, sandboxIds: readonly string[]): Promise<string[]> {
  const results = await readdir("/var/lib/cni/results").catch(() => []);
  const sockets = await readdir("/run/containerd/s").catch(() => []);
  const ours = sandboxIds.map((it) =>
    createHash("sha256")
      .update(join(node.layout.socket, "k8s.io", it))
      .digest("hex"),
  );
  return [
    ...results.filter((name) => sandboxIds.some((it) => name.includes(it))),
    ...sockets.filter((name) => ours.includes(name)),
  ];
}

async function getOverTcp(host: string, port: number): Promise<string> {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    socket.write("GET /passwd HTTP/1.0\r\n\r\n");
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString();
  } catch {
    return "";
  } finally {
    socket.destroy();
  }
}

/** The files of the busybox image's tar, by path. */
async function untarImage(): Promise<Map<string, Buffer>> {
  const entries = extract();
  Readable.from(busyboxImage(process.arch)).pipe(entries);
  const files = new Map<string, Buffer>();
  for await (const entry of entries) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

function blob(files: ReadonlyMap<string, Buffer>, digest: string): Buffer {
  return files.get(`blobs/sha256/${digest.replace("sha256:", "")}`) ?? Buffer.alloc(0);
}

interface WireManifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

function manifestOf(files: ReadonlyMap<string, Buffer>): { digest: string; json: WireManifest } {
  const index = JSON.parse(files.get("index.json")?.toString() ?? "") as {
    manifests: { digest: string }[];
  };
  const digest = index.manifests[0]?.digest ?? "";
  return { digest, json: JSON.parse(blob(files, digest).toString()) as WireManifest };
}

/** As older versions of Docker write it: files by path, a layer behind a link, `manifest.json` last. */
async function dockerArchive(): Promise<AsyncGenerator<Uint8Array>> {
  const files = await untarImage();
  const { json } = manifestOf(files);
  const layer = blob(files, json.layers[0]?.digest ?? "");
  const config = blob(files, json.config.digest);
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  const tar = pack();
  tar.entry({ name: configName }, config);
  tar.entry({ name: "one/layer.tar" }, layer);
  tar.entry({ name: "two/layer.tar", type: "symlink", linkname: "../one/layer.tar" });
  const manifest = [{ Config: configName, RepoTags: ["team/tool:2"], Layers: ["two/layer.tar"] }];
  tar.entry({ name: "manifest.json" }, JSON.stringify(manifest));
  tar.finalize();
  return (async function* () {
    for await (const chunk of tar) if (chunk instanceof Uint8Array) yield chunk;
  })();
}

/** The part of the distribution API that a pull uses, with basic authentication. */
async function serveRegistry(
  files: ReadonlyMap<string, Buffer>,
  credentials: string,
): Promise<{ server: Server; url: string }> {
  const { digest } = manifestOf(files);
  const wanted = `Basic ${Buffer.from(credentials).toString("base64")}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
      return;
    }
    const [, kind, name] =
      /^\/v2\/team\/app\/(manifests|blobs)\/([^?]+)/.exec(request.url ?? "") ?? [];
    const asked = kind === "manifests" && name === "1" ? digest : name;
    const content = blob(files, asked ?? "");
    if (content.length === 0) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
      return;
    }
    const type =
      kind === "manifests"
        ? "application/vnd.oci.image.manifest.v1+json"
        : "application/octet-stream";
    response.writeHead(200, {
      "content-type": type,
      "content-length": content.length,
      "docker-content-digest": asked,
    });
    response.end(request.method === "HEAD" ? undefined : content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, url: `http://127.0.0.1:${address.port}` };
}
