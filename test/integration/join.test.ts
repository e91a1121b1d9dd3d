import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import type { Deployment } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { deployments, leases, nodes, pods, secrets } from "#client/kinds.ts";
import { readKubeconfig } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import { EtcdProcess, etcdMissing } from "#testing/etcd-process.ts";
import { eventually } from "#testing/eventually.ts";

const never = new AbortController().signal;
const program = resolve(import.meta.dirname, "../../src/main/gantry.ts");
const startMs = 30_000;
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "gantry-join-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A gantry process in the foreground, straight from its sources. */
class Running implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  said = "";

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => {
        this.said += chunk;
      });
    }
    this.#ended = new Promise((done) => this.#child.once("close", done));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The fields of the first log line with this message. */
  async told(message: string): Promise<Record<string, string>> {
    return await eventually(() => {
      for (const line of this.said.split("\n")) {
        if (!line.startsWith("{") || !line.endsWith("}")) continue;
        const fields = JSON.parse(line) as Record<string, string>;
        if (fields["message"] === message) return fields;
      }
      throw new Error(`nothing said '${message}' yet: ${this.said}`);
    }, startMs);
  }

  /** Resolves with the exit code. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.#child.kill(signal);
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** The administrator's client; its connections last until `scope` ends. */
async function administrator(scope: AsyncDisposableStack, dataDir: string): Promise<Client> {
  const connection = await readKubeconfig(join(dataDir, "kubeconfig"), systemClock);
  const options = { ...connection, userAgent: "test", clock: systemClock };
  return new Client(scope.use(new TlsTransport(options)));
}

/** `gantry token create`'s command, as arguments. */
async function joinArguments(dataDir: string): Promise<string[]> {
  await using it = new Running("token", "create", "--data-dir", dataDir);
  assert.equal(await it.end(), 0, it.said);
  return it.said.trim().split(" ").slice(1);
}

async function ready(client: Client, name: string): Promise<void> {
  await eventually(async () => {
    const node = await client.get(nodes, { name }, never);
    const condition = node.status?.conditions?.find((it) => it.type === "Ready");
    assert.equal(condition?.status, "True");
  }, startMs);
}

function replaced(args: readonly string[], option: string, value: string): string[] {
  const next = [...args];
  next[next.indexOf(option) + 1] = value;
  return next;
}

/** Like these arguments, with a token of its own whose time is over. */
async function staleToken(client: Client, args: readonly string[]): Promise<string[]> {
  const [id, secret] = ["stale1", "0123456789abcdef"];
  const expiration = "2020-01-01T00:00:00Z";
  const metadata = { namespace: "kube-system", name: `bootstrap-token-${id}` };
  const stringData = {
    "token-id": id,
    "token-secret": secret,
    expiration,
    "usage-bootstrap-authentication": "true",
  };
  const type = "bootstrap.kubernetes.io/token";
  await client.create(secrets, { metadata, type, stringData }, {}, never);
  return replaced(args, "--token", `${id}.${secret}`);
}

/** Another machine cannot take the name of a node that is heard from. */
async function refusesTwin(client: Client, args: readonly string[]): Promise<void> {
  const at = { name: "one", subresource: "status" };
  const { status } = await client.get(nodes, { name: "one" }, never);
  const elsewhere = [{ type: "InternalIP", address: "192.0.2.99" }];
  for (const addresses of [elsewhere, status?.addresses]) {
    await client.patch(nodes, at, { type: "merge", body: { status: { addresses } } }, never);
    if (addresses !== elsewhere) continue;
    await using second = new Running(...args);
    assert.equal(await second.end(), 1);
    assert.match(second.said, /node named one is running already, at 192\.0\.2\.99.*--node-name/);
  }
}

test("a machine joins with a token, runs a pod, and keeps its identity", async () => {
  const dataDir = join(folder, "server");
  const agentDir = join(folder, "agent");
  await using server = new Running("server", "--data-dir", dataDir, "--port", "0");
  await server.told("serving");
  await using scope = new AsyncDisposableStack();
  const client = await administrator(scope, dataDir);
  const join_ = await joinArguments(dataDir);
  const rest = ["--runtime", "simulated", "--node-name", "one", "--data-dir"];

  await using wrongToken = new Running(
    ...replaced(join_, "--token", "abcdef.0123456789abcdef"),
    ...[...rest, join(folder, "x1")],
  );
  assert.equal(await wrongToken.end(), 1);
  assert.match(wrongToken.said, /does not accept the token.*gantry token create/);
  const stale = await staleToken(client, join_);
  await using lateComer = new Running(...stale, ...[...rest, join(folder, "x5")]);
  assert.equal(await lateComer.end(), 1);
  assert.match(lateComer.said, /does not accept the token.*gantry token create/);
  await using wrongHash = new Running(
    ...replaced(join_, "--ca-hash", `sha256:${"0".repeat(64)}`),
    ...[...rest, join(folder, "x2")],
  );
  assert.equal(await wrongHash.end(), 1);
  assert.match(
    wrongHash.said,
    /has the authority sha256:[0-9a-f]{64} and not the one of --ca-hash/,
  );
  await using away = new Running(
    ...replaced(join_, "--server", "https://127.0.0.1:1"),
    ...[...rest, join(folder, "x3")],
  );
  assert.equal(await away.end(), 1);
  assert.match(away.said, /cannot reach the API server at https:\/\/127\.0\.0\.1:1/);

  await using first = new Running(...join_, ...rest, agentDir);
  await first.told("joined");
  await ready(client, "one");
  await refusesTwin(client, [...join_, ...rest, join(folder, "twin")]);
  const metadata = { namespace: "default", name: "hello" };
  const spec = { containers: [{ name: "c", image: "busybox" }] };
  await eventually(() => client.create(pods, { metadata, spec }, {}, never), startMs);
  await eventually(async () => {
    const pod = await client.get(pods, metadata, never);
    assert.equal(pod.status?.phase, "Running");
    assert.equal(pod.spec?.nodeName, "one");
  }, startMs);
  // Only a kubelet whose certificate the server accepts answers this.
  const path = "/api/v1/namespaces/default/pods/hello/log";
  const logs = await client.raw({ method: "GET", path, headers: {} }, never);
  assert.equal(logs.status, 200);
  for await (const chunk of logs.body) assert.ok(chunk.length >= 0);

  const certificate = join(agentDir, "pki", "kubelet-client.crt");
  const before_ = readFileSync(certificate, "utf8");
  assert.equal(await first.end("SIGTERM"), 0, first.said);
  await using again = new Running(...join_.slice(0, 3), ...rest, agentDir);
  await again.told("joined");
  assert.equal(readFileSync(certificate, "utf8"), before_);
  await ready(client, "one");
  assert.equal(await again.end("SIGTERM"), 0, again.said);
  assert.equal(await server.end("SIGTERM"), 0, server.said);
});

test("a node that has not joined says what it needs", async () => {
  const args = ["--server", "https://127.0.0.1:1", "--data-dir", join(folder, "x4")];
  await using it = new Running("agent", "--runtime", "simulated", ...args);
  assert.equal(await it.end(), 1);
  assert.match(it.said, /has not joined yet: --token and --ca-hash are needed/);
});

test("of two servers on one etcd, the other takes over", { skip: etcdMissing() }, async () => {
  await using etcd = await EtcdProcess.start();
  const store = etcd.endpoint.replace("http:", "etcd:");
  const [dirA, dirB, pki] = [join(folder, "a"), join(folder, "b"), join(folder, "shared-pki")];
  await using a = new Running("server", "--data-dir", dirA, "--port", "0", "--store", store);
  await a.told("serving");
  mkdirSync(pki);
  for (const file of ["ca.crt", "ca.key", "sa.key"])
    cpSync(join(dirA, "pki", file), join(pki, file));
  const holder = `${hostname()}_${a.pid}`;
  await using scope = new AsyncDisposableStack();
  const clientA = await administrator(scope, dirA);

  const lease = { namespace: "kube-system", name: "kube-controller-manager" };
  await eventually(async () => {
    const found = await clientA.get(leases, lease, never);
    assert.equal(found.spec?.holderIdentity, holder);
  }, startMs);
  const args = ["--data-dir", dirB, "--pki-dir", pki, "--port", "0", "--store", store];
  await using b = new Running("server", ...args);
  await b.told("serving");
  const client = await administrator(scope, dirB);
  const labels = { app: "web" };
  const web: Deployment = {
    metadata: { namespace: "default", name: "web" },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "c", image: "busybox" }] },
      },
    },
  };
  await eventually(() => clientA.create(deployments, web, {}, never), startMs);
  const count = async (wanted: number): Promise<void> => {
    await eventually(async () => {
      const { items } = await client.list(pods, { namespace: "default" }, never);
      assert.equal(items.length, wanted);
    }, 60_000);
  };
  await count(1);
  await a.end("SIGKILL");
  const at = { namespace: "default", name: "web" };
  const patch = { type: "merge", body: { spec: { replicas: 3 } } } as const;
  await client.patch(deployments, at, patch, never);
  await count(3);
  assert.equal(await b.end("SIGTERM"), 0, b.said);
});
