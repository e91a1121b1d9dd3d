// The registry with tools that others wrote, when its process is killed, and when its disk is full.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { mountsBelow } from "#cri/mounts.ts";
import { eventually } from "#testing/eventually.ts";
import {
  GantryProcess,
  ok,
  run,
  systemMissing,
  type CommandResult,
} from "#testing/gantry-process.ts";

const program = resolve(import.meta.dirname, "../../dist/gantry.js");
const systemSkip = systemMissing();
const skopeoSkip = existsSync("/usr/bin/skopeo") ? undefined : "needs /usr/bin/skopeo";
const skip = systemSkip ?? skopeoSkip;
const rootSkip = process.getuid?.() === 0 ? undefined : "needs root";
const waitMs = 30_000;
const busybox = "docker.io/library/busybox";
let folder = "";

before(() => {
  folder = mkdtempSync("/tmp/gantry-registry-it-");
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function sha(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** `gantry registry serve` on a port of its own choice, which takes pushes from everybody. */
class Served implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  said = "";
  url = "";

  private constructor(storage: string) {
    const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--storage", storage];
    this.#child = spawn(process.execPath, [program, ...args, "--auth", "none"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.said += text;
      });
    }
    this.#ended = new Promise((done) => this.#child.once("close", done));
  }

  static async start(storage: string): Promise<Served> {
    const served = new Served(storage);
    await eventually(() => {
      const [, url] = /"url":"([^"]+)"/.exec(served.said) ?? [];
      assert.notEqual(url, undefined, `not serving yet: ${served.said}`);
      served.url = url ?? "";
    }, waitMs);
    return served;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function pushBlob(url: string, bytes: Uint8Array): Promise<number> {
  const at = `${url}/v2/app/blobs/uploads/?digest=${sha(bytes)}`;
  const answer = await fetch(at, { method: "POST", body: bytes });
  await answer.arrayBuffer();
  return answer.status;
}

function manifestOf(layers: readonly Uint8Array[]): Buffer {
  const descriptors = layers.map((it) => {
    const mediaType = "application/vnd.oci.image.layer.v1.tar";
    return { mediaType, digest: sha(it), size: it.length };
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, layers: descriptors }));
}

/** What a registry has acknowledged, by path. */
type Acknowledged = Map<string, string>;

/** Pushes images until the connection breaks; every second blob in chunks. */
async function pushUntilKilled(url: string, name: string, known: Acknowledged): Promise<void> {
  try {
    for (let count = 0; ; count++) {
      const layers = [randomBytes(100_000 + count * 1_000), randomBytes(20_000)];
      for (const layer of layers) {
        assert.equal(await pushBlob(url, layer), 201);
        known.set(`blobs/${sha(layer)}`, sha(layer));
      }
      const body = manifestOf(layers);
      const tag = `${name}-${count}`;
      const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
      const at = `${url}/v2/app/manifests/${tag}`;
      const answer = await fetch(at, { method: "PUT", headers, body });
      assert.equal(answer.status, 201, await answer.text());
      known.set(`manifests/${tag}`, sha(body));
    }
  } catch (error) {
    // The connection breaks when the process is killed; anything else is a failure.
    if (error instanceof assert.AssertionError) throw error;
  }
}

test("killed while images are pushed and collected, it has all that it acknowledged", async () => {
  const storage = join(folder, "killed");
  const known: Acknowledged = new Map();
  for (let round = 0; round < 6; round++) {
    await using served = await Served.start(storage);
    const before = known.size;
    const pushing = [0, 1, 2].map(async (it) => {
      await pushUntilKilled(served.url, `r${round}-${it}`, known);
    });
    await eventually(() => {
      assert.ok(known.size > before + 10);
    }, waitMs);
    const collecting = spawn(process.execPath, [program, "registry", "gc", "--storage", storage]);
    await setTimeout(20 * round);
    await served.kill();
    await Promise.all(pushing);
    await new Promise((done) => collecting.once("close", done));
  }
  await using served = await Served.start(storage);
  for (const [path, digest] of known) {
    const answer = await fetch(`${served.url}/v2/app/${path}`);
    assert.equal(answer.status, 200, `lost: ${path}`);
    assert.equal(sha(new Uint8Array(await answer.arrayBuffer())), digest);
  }
});

test(
  "on a full disk it says so, loses nothing, and goes on after",
  { skip: rootSkip },
  async () => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    ok(run("mount", ["-t", "tmpfs", "-o", "size=40m", "tmpfs", disk]));
    try {
      const fill = join(disk, "fill");
      writeFileSync(fill, Buffer.alloc(12 * 1_048_576));
      await using served = await Served.start(join(disk, "images"));
      const stored: Uint8Array[] = [];
      let refused = 0;
      for (let count = 0; count < 20 && refused === 0; count++) {
        const layer = randomBytes(4 * 1_048_576);
        const status = await pushBlob(served.url, layer);
        if (status === 201) stored.push(layer);
        else refused = status;
      }
      assert.equal(refused, 507, served.said);
      assert.ok(stored.length > 2);
      assert.deepEqual(readdirSync(join(disk, "images", "ingest")), []);
      rmSync(fill);
      stored.push(randomBytes(4 * 1_048_576));
      assert.equal(await pushBlob(served.url, stored.at(-1) ?? Buffer.alloc(0)), 201);
      for (const layer of stored) {
        const answer = await fetch(`${served.url}/v2/app/blobs/${sha(layer)}`);
        assert.equal(sha(new Uint8Array(await answer.arrayBuffer())), sha(layer));
      }
    } finally {
      ok(run("umount", ["-l", disk]));
    }
  },
);

test(
  "skopeo and containerd push to and pull from the registry of gantry up",
  { skip },
  async (context) => {
    using gantry = new GantryProcess(28_643);
    ok(gantry.up());
    ok(gantry.gantry("image", "seed"));
    const data = join(gantry.directory, "data");
    const skopeo = (...args: readonly string[]): CommandResult =>
      run("/usr/bin/skopeo", [...args], { env: { HOME: gantry.directory } });
    const plain = "--tls-verify=false";
    const copyFlags = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const local = "docker://localhost:5000";

    await context.test("skopeo copies, with a password only, in both formats", () => {
      ok(gantry.program(["registry", "passwd", "ann", "--data-dir", data], "secret\n"));
      const copy = (...args: readonly string[]): CommandResult =>
        skopeo("copy", ...copyFlags, ...args, `${local}/${busybox}`, `${local}/team/app:1`);
      assert.match(copy().stderr, /unauthorized/);
      assert.match(
        copy("--dest-creds", "ann:wrong").stderr,
        /unauthorized|authentication required/,
      );
      for (const format of ["v2s2", "oci"]) {
        ok(copy("--dest-creds", "ann:secret", "--format", format));
        const inspected = ok(skopeo("inspect", plain, "--raw", `${local}/team/app:1`));
        const { mediaType } = JSON.parse(inspected) as { mediaType: string };
        assert.match(mediaType, format === "oci" ? /oci.image.manifest/ : /docker.*manifest.v2/);
      }
    });

    await context.test("skopeo inspects, lists, and deletes", () => {
      const inspected = ok(skopeo("inspect", plain, `${local}/team/app:1`));
      assert.equal(
        (JSON.parse(inspected) as { Architecture: string }).Architecture.length > 0,
        true,
      );
      const gone = `${local}/team/gone:1`;
      ok(skopeo("copy", ...copyFlags, "--dest-creds", "ann:secret", `${local}/team/app:1`, gone));
      const listed = ok(skopeo("list-tags", plain, `${local}/team/gone`));
      assert.deepEqual((JSON.parse(listed) as { Tags: string[] }).Tags, ["1"]);
      assert.notEqual(skopeo("delete", plain, gone).code, 0);
      ok(skopeo("delete", plain, "--creds", "ann:secret", gone));
      assert.notEqual(skopeo("inspect", plain, gone).code, 0);
    });

    await context.test("a pod runs what was pushed", async () => {
      const image = "--image=localhost:5000/team/app:1";
      ok(gantry.kubectl(["run", "pushed", image, "--restart=Never", "--", "echo", "it runs"]));
      await eventually(() => {
        assert.match(ok(gantry.kubectl(["logs", "pushed"])), /it runs/);
      }, waitMs);
    });

    await context.test(
      "containerd pulls from the node network with a certificate of the cluster alone",
      () => {
        // No other registry has this name, so that only ours can have given it.
        const elsewhere = "registry.invalid/team/app:1";
        const from = `${local}/team/app:1`;
        const to = `${local}/${elsewhere}`;
        ok(skopeo("copy", ...copyFlags, "--dest-creds", "ann:secret", from, to));
        const report = ok(gantry.kubectl(["get", "node", hostname().toLowerCase(), "-o", "json"]));
        const { status } = JSON.parse(report) as {
          status: { addresses: { type: string; address: string }[] };
        };
        const address = status.addresses.find((it) => it.type === "InternalIP")?.address ?? "";
        const url = `https://${address}:5000`;
        const pki = join(data, "pki");
        const hosts = join(gantry.directory, "hosts");
        mkdirSync(join(hosts, "_default"), { recursive: true });
        const lines = (client: string): string =>
          `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n  ca = "${pki}/ca.crt"\n${client}`;
        const pull = (client: string): CommandResult => {
          writeFileSync(join(hosts, "_default", "hosts.toml"), lines(client));
          const socket = join(data, "node", "containerd.sock");
          const args = ["-a", socket, "-n", "other", "images", "pull", "--hosts-dir", hosts];
          return run("/usr/bin/ctr", [...args, elsewhere]);
        };
        assert.notEqual(pull("").code, 0);
        const pair = `"${pki}/apiserver-kubelet-client.crt", "${pki}/apiserver-kubelet-client.key"`;
        ok(pull(`  client = [[${pair}]]\n`));
      },
    );

    const podmanSkip = existsSync("/usr/bin/podman") ? false : "needs /usr/bin/podman";
    await context.test(
      "podman pulls and runs what we built, and we run what it pushes",
      { skip: podmanSkip },
      () => {
        const built = join(gantry.directory, "built");
        mkdirSync(built);
        const lines = ["FROM busybox", "RUN echo ours > /said", 'CMD ["cat", "/said"]'];
        writeFileSync(join(built, "Dockerfile"), lines.join("\n"));
        ok(gantry.gantry("build", "-q", "-t", "localhost:5000/team/built:1", built));
        const at = join(gantry.directory, "podman");
        const roots = ["--root", join(at, "root"), "--runroot", join(at, "run")];
        const engine = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"];
        const podman = (...args: readonly string[]): CommandResult =>
          run("/usr/bin/podman", [...roots, ...engine, "--runtime", "runc", ...args]);
        // Who may not raise limits has to name lower ones.
        const limits = ["--ulimit", "nofile=1000:1000", "--ulimit", "nproc=1000:1000"];
        const once = ["run", "--rm", "--network", "none", ...limits];
        try {
          assert.match(
            ok(podman("pull", plain, "localhost:5000/team/built:1")),
            /^[0-9a-f]{64}\n$/,
          );
          assert.equal(ok(podman(...once, "localhost:5000/team/built:1")), "ours\n");
          const theirs = "localhost:5000/team/theirs:1";
          ok(podman("tag", "localhost:5000/team/built:1", theirs));
          assert.match(
            podman("push", plain, theirs).stderr,
            /unauthorized|authentication required/,
          );
          ok(podman("push", plain, "--creds", "ann:secret", "--format", "v2s2", theirs));
          const ours = gantry.program(["run", "--rm", "--data-dir", data, theirs]);
          assert.equal(ok(ours), "ours\n");
        } finally {
          for (const it of mountsBelow(readFileSync("/proc/self/mountinfo", "utf8"), at)) {
            run("umount", ["-l", it]);
          }
        }
      },
    );

    await context.test("commands as Docker has them", () => {
      const archive = join(gantry.directory, "app.tar");
      ok(gantry.gantry("save", "-o", archive, "localhost:5000/team/app:1"));
      for (const transport of ["oci-archive", "docker-archive"]) {
        ok(skopeo("inspect", `${transport}:${archive}`));
      }
      ok(gantry.gantry("tag", "localhost:5000/team/app:1", "other:2"));
      ok(gantry.gantry("rmi", "localhost:5000/team/app:1"));
      assert.notEqual(gantry.gantry("inspect", "localhost:5000/team/app:1").code, 0);
      assert.match(
        ok(gantry.gantry("load", "-i", archive)),
        /^Loaded image: localhost:5000\/team\/app:1$/m,
      );
      const both = ok(gantry.gantry("save", "-o", archive, "busybox", "other:2"));
      assert.equal(both, "");
      ok(run("gzip", ["-f", archive]));
      ok(gantry.gantry("rmi", "other:2"));
      const loaded = ok(gantry.gantry("load", "-i", `${archive}.gz`));
      assert.equal(loaded, "Loaded image: busybox:latest\nLoaded image: other:2\n");
      const shown = [
        "images",
        "--filter",
        "reference=oth*",
        "--format",
        "{{.Repository}}|{{.Tag}}",
      ];
      assert.equal(ok(gantry.gantry(...shown)), "other|2\n");
      const images = ok(gantry.gantry("images"));
      assert.match(images, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/m);
      assert.match(images, /^other +2 +[0-9a-f]{12} /m);
      assert.match(images, /^localhost:5000\/team\/app +1 +[0-9a-f]{12} /m);
    });
  },
);

test("images of another registry are brought once, for all nodes", { skip }, async () => {
  await using upstream = await Served.start(join(folder, "upstream"));
  const { host } = new URL(upstream.url);
  // What the cluster runs is on no disk of its own: another installation builds and pushes it.
  const other = join(folder, "other");
  const context = join(folder, "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\nRUN echo brought > /said\n");
  using gantry = new GantryProcess(28_743);
  ok(gantry.program(["image", "seed", "--data-dir", other]));
  const name = `${host}/team/hello:1`;
  const output = ["--output", "type=registry", "--data-dir", other];
  ok(gantry.program(["build", "-t", name, ...output, context]));

  ok(gantry.up("--nodes", "2", "--registry-mirror", `mirrored.invalid=${host}`));
  const nodes = ok(gantry.kubectl(["get", "nodes", "-o", "name"]))
    .trim()
    .split("\n");
  assert.equal(nodes.length, 2);
  // The further node asks the control plane; the first finds what it brought.
  for (const node of nodes.map((it) => it.replace("node/", "")).toReversed()) {
    const overrides = JSON.stringify({
      spec: { nodeName: node, terminationGracePeriodSeconds: 0 },
    });
    const image = "--image=mirrored.invalid/team/hello:1";
    const pod = ["run", node, image, "--restart=Never", `--overrides=${overrides}`];
    ok(gantry.kubectl([...pod, "--", "cat", "/said"]));
    await eventually(() => {
      const said = gantry.kubectl(["logs", node]);
      assert.equal(said.stdout, "brought\n", ok(gantry.kubectl(["get", "events"])));
    }, waitMs * 2);
    await upstream.kill();
  }
  assert.match(ok(gantry.gantry("images")), /^mirrored\.invalid\/team\/hello +1 /m);
});
