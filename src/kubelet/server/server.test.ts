import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { after, before, suite, test } from "node:test";
import { WebSocket } from "ws";
import type { Pod, PodStatus } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import type { CertificatePair } from "#pki/files.ts";
import { issuePair, makeAuthority } from "#pki/issue.ts";
import { SpdySession } from "#streaming/spdy/session.ts";
import { openUpgrade, UpgradeRefusedError } from "#streaming/upgrade.ts";
import { eventually } from "#testing/eventually.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { RuntimeTester } from "#testing/runtime/tester.ts";
import { KubeletAccess } from "./access.ts";
import { NodePods } from "./pods.ts";
import { openKubeletServer, type KubeletServer } from "./server.ts";
import type { UsageSource } from "./usage.ts";

const never = new AbortController().signal;
const usage = { cpuNanoseconds: 2_500_000_000n, memoryUsageBytes: 3, memoryWorkingSetBytes: 2 };
const usageSource: UsageSource = {
  node: () => {
    const machine = { bootedAtMs: 1_700_000_000_000, memoryAvailableBytes: 7 };
    return Promise.resolve({ ...usage, machine });
  },
  pod: () => Promise.resolve(usage),
  container: () => Promise.resolve(usage),
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

suite("kubelet server", () => {
  let directory: string;
  let runtime: SimulatedRuntime;
  let server: KubeletServer;
  let authority: CertificatePair;
  let caller: CertificatePair;
  const pods: Pod[] = [];
  const observed = new Map<string, Awaited<ReturnType<typeof observe>>>();
  const nodePods = new NodePods(
    {
      synced: () => Promise.resolve(),
      isComplete: true,
      get: (uid) => pods.find((it) => it.metadata?.uid === uid),
      list: () => pods,
      subscribe: () => () => undefined,
    },
    { get: (uid) => observed.get(uid) ?? { sandboxes: [], containers: [] } },
  );

  async function observe(sandboxId: string, containerId: string) {
    const sandbox = await runtime.sandboxStatus(sandboxId, never);
    const container = await runtime.containerStatus(containerId, never);
    assert.ok(sandbox !== undefined && container !== undefined);
    return { sandboxes: [sandbox], containers: [container] };
  }

  async function clientPair(commonName: string, organizations: string[]): Promise<CertificatePair> {
    const profile = {
      commonName,
      organizations,
      hosts: [],
      usages: ["client auth" as const],
      lifetimeMs: 3_600_000,
    };
    return await issuePair(authority, profile, systemClock.now());
  }

  async function run(name: string, command: readonly string[], status: PodStatus = {}) {
    const fixture = { runtime, image: "busybox", missingImage: "", directory, cgroupParent: "" };
    const tester = new RuntimeTester({ ...fixture, close: () => Promise.resolve() });
    const sandbox = tester.sandboxConfig({
      logDirectory: join(directory, name),
      metadata: { name, namespace: "default", uid: name, attempt: 0 },
    });
    const sandboxId = await runtime.runSandbox(sandbox, never);
    await runtime.pullImage("busybox", undefined, never);
    const config = tester.containerConfig(command, { metadata: { name: "app", attempt: 0 } });
    const id = await runtime.createContainer(sandboxId, config, sandbox, never);
    await runtime.startContainer(id, never);
    pods.push({ ...podOf({}, { name, uid: name }), status });
    observed.set(name, await observe(sandboxId, id));
    return async () => {
      await runtime.stopContainer(id, 0, never);
      observed.set(name, await observe(sandboxId, id));
      nodePods.changed(name);
    };
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "gantry-server-"));
    runtime = new SimulatedRuntime({
      clock: systemClock,
      podCidr: "10.98.0.0/24",
      idPrefix: "sim",
      delays: { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 },
      onError: () => undefined,
    });
    const now = systemClock.now();
    authority = await makeAuthority("test authority", 3_600_000, now);
    const serving = await issuePair(
      authority,
      {
        commonName: "system:node:node-1",
        organizations: [],
        hosts: ["127.0.0.1"],
        usages: ["server auth"],
        lifetimeMs: 3_600_000,
      },
      now,
    );
    caller = await clientPair("kube-apiserver-kubelet-client", []);
    server = await openKubeletServer({
      host: "127.0.0.1",
      port: 0,
      tls: { key: serving.key, cert: serving.certificate, clientCa: authority.certificate },
      nodeName: "node-1",
      runtime,
      pods: nodePods,
      usage: usageSource,
      metrics: {
        own: () => Promise.resolve("own 1\n"),
        containers: () => Promise.resolve("containers 1\n"),
        probes: () => Promise.resolve("probes 1\n"),
      },
      access: new KubeletAccess(
        {
          identify: () => Promise.resolve(undefined),
          isAllowed: () => Promise.resolve(false),
        },
        systemClock,
      ),
      clock: systemClock,
      log: silentLogger,
    });
    await run("talk", ["sh", "-c", "echo one; echo two >&2; sleep 86400"]);
    pods.push({
      ...podOf({ containers: [containerOf("app")] }, { name: "new", uid: "new" }),
      status: {
        containerStatuses: [
          {
            name: "app",
            image: "",
            imageID: "",
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: "ImagePullBackOff" } },
          },
        ],
      },
    });
    pods.push(podOf({}, { name: "newer", uid: "newer" }));
  });

  after(async () => {
    await server[Symbol.asyncDispose]();
    await runtime[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  function tlsOf(pair: CertificatePair | undefined): ConnectionOptions {
    const own = pair === undefined ? {} : { cert: pair.certificate, key: pair.key };
    return { ca: authority.certificate, ...own };
  }

  async function call(path: string, pair: CertificatePair | undefined = caller): Promise<Answer> {
    const asked = request(`https://127.0.0.1:${server.port}${path}`, {
      agent: false,
      ...tlsOf(pair),
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [
      AsyncIterable<Buffer> & { readonly statusCode: number },
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, body: Buffer.concat(chunks).toString() };
  }

  async function spdy(path: string, protocol: string): Promise<SpdySession> {
    const upgraded = await openUpgrade(
      {
        url: new URL(`https://127.0.0.1:${server.port}${path}`),
        method: "POST",
        upgrade: "SPDY/3.1",
        headers: { "x-stream-protocol-version": protocol },
        tls: tlsOf(caller),
      },
      never,
    );
    return new SpdySession(upgraded.connection, { role: "client", head: upgraded.head });
  }

  async function webSocket(path: string, protocol: string): Promise<WebSocket> {
    const { ca, cert, key } = tlsOf(caller);
    const client = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, [protocol], {
      ca,
      cert,
      key,
    });
    await once(client, "open");
    return client;
  }

  test("callers: the API server and administrators, and nobody else", async () => {
    const stranger = await makeAuthority("another authority", 3_600_000, systemClock.now());
    const forged = await issuePair(
      stranger,
      {
        commonName: "kube-apiserver-kubelet-client",
        organizations: ["system:masters"],
        hosts: [],
        usages: ["client auth"],
        lifetimeMs: 3_600_000,
      },
      systemClock.now(),
    );
    const cases: [CertificatePair | undefined, number][] = [
      [caller, 200],
      [await clientPair("admin", ["system:masters"]), 200],
      [await clientPair("system:node:node-2", ["system:nodes"]), 403],
      [forged, 401],
      [undefined, 401],
    ];
    for (const [pair, want] of cases) {
      assert.equal((await callAs(pair)).status, want);
    }
  });

  async function callAs(pair: CertificatePair | undefined): Promise<Answer> {
    return pair === undefined ? await callWithout() : await call("/healthz", pair);
  }

  async function callWithout(): Promise<Answer> {
    const asked = request(`https://127.0.0.1:${server.port}/healthz`, {
      agent: false,
      ...tlsOf(undefined),
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [{ readonly statusCode: number }];
    return { status: response.statusCode, body: "" };
  }

  test("upgrades of strangers are refused as well", async () => {
    const upgrading = openUpgrade(
      {
        url: new URL(`https://127.0.0.1:${server.port}/exec/default/talk/app?command=id&output=1`),
        method: "POST",
        upgrade: "SPDY/3.1",
        headers: { "x-stream-protocol-version": "v4.channel.k8s.io" },
        tls: tlsOf(undefined),
      },
      never,
    );
    await assert.rejects(upgrading, (error) => {
      return error instanceof UpgradeRefusedError && error.statusCode === 401;
    });
  });

  const answers: [path: string, status: number, body: RegExp][] = [
    ["/healthz", 200, /^ok$/],
    ["/containerLogs/default/talk/app", 200, /^one\ntwo\n$/],
    ["/containerLogs/default/talk/app?stream=Stderr", 200, /^two\n$/],
    ["/containerLogs/default/talk/app?tailLines=x", 422, /Invalid request/],
    ["/containerLogs/default/nobody/app", 404, /^pod "nobody" does not exist$/],
    ["/containerLogs/default/talk/b", 404, /^container "b" not found in pod "talk"$/],
    [
      "/containerLogs/default/talk/app?previous=true",
      400,
      /^previous terminated container "app" in pod "talk" not found$/,
    ],
    [
      "/containerLogs/default/new/app",
      400,
      /^container "app" in pod "new" is waiting to start: trying and failing to pull image$/,
    ],
    [
      "/containerLogs/default/newer/app",
      400,
      /^container "app" in pod "newer" is waiting to start: ContainerCreating$/,
    ],
    ["/exec/default/talk/app?command=id&output=1", 400, /Upgrade request required/],
    ["/etc/passwd", 404, /not found/],
    ["/containerLogs/%zz/a/b", 404, /not found/],
    ["/pods", 200, /"kind":"PodList".*"name":"talk"/],
    ["/metrics", 200, /^own 1$/m],
    ["/metrics/cadvisor", 200, /^containers 1$/m],
    ["/metrics/probes", 200, /^probes 1$/m],
    ["/stats/summary", 200, /"nodeName":"node-1".*"usageCoreNanoSeconds":2500000000/],
    ["/stats/summary", 200, /"startTime":"2023-11-14T22:13:20Z".*"availableBytes":7,/],
    [
      "/metrics/resource",
      200,
      /container_cpu_usage_seconds_total\{container="app",namespace="default",pod="talk"\} 2\.5 \d+/,
    ],
  ];
  for (const [path, status, body] of answers) {
    test(`GET ${path} -> ${status}`, async () => {
      const answer = await call(path);
      assert.equal(answer.status, status, answer.body);
      assert.match(answer.body, body);
    });
  }

  test("a followed log ends with its container", async () => {
    const stop = await run("short", ["sh", "-c", "echo started; sleep 86400"]);
    const following = call("/containerLogs/default/short/app?follow=true");
    await eventually(async () => {
      assert.equal((await call("/containerLogs/default/short/app")).body, "started\n");
    });
    await stop();
    assert.equal((await following).body, "started\n");
  });

  const refused: [path: string, status: number, text: RegExp][] = [
    ["/exec/default/talk/app?command=id", 400, /at least 1 of stdin, stdout, stderr/],
    ["/exec/default/nobody/app?command=id&output=1", 404, /pod does not exist/],
    ["/exec/default/newer/app?command=id&output=1", 500, /container not found \("app"\)/],
    ["/portForward/default/newer", 404, /pod not found \("newer_default"\)/],
  ];
  for (const [path, status, text] of refused) {
    test(`upgrade of ${path} -> ${status}`, async () => {
      await assert.rejects(spdy(path, "v4.channel.k8s.io"), (error) => {
        assert.ok(error instanceof UpgradeRefusedError);
        assert.equal(error.statusCode, status);
        assert.match(error.body, text);
        return true;
      });
    });
  }

  test("exec over SPDY: half-close and exit code", async () => {
    const session = await spdy(
      "/exec/default/talk/app?command=sh&command=-c&command=cat%3B+exit+9&input=1&output=1",
      "v4.channel.k8s.io",
    );
    const error = await session.open({ streamtype: "error" }, never);
    const stdin = await session.open({ streamtype: "stdin" }, never);
    const stdout = await session.open({ streamtype: "stdout" }, never);
    await stdin.write(Buffer.from("hello"));
    stdin.end();
    assert.equal(await textOf(stdout.input), "hello");
    assert.match(await textOf(error.input), /"reason":"ExitCode","message":"9"/);
  });

  test("exec over WebSocket v5: half-close and exit code", async () => {
    const client = await webSocket(
      "/exec/default/talk/app?command=sh&command=-c&command=cat%3B+exit+9&stdin=true&stdout=true",
      "v5.channel.k8s.io",
    );
    let received = "";
    client.on("message", (data) => {
      assert.ok(data instanceof Buffer);
      received += data.toString("latin1");
    });
    client.send(Buffer.from("\0hello"));
    client.send(Buffer.of(255, 0));
    const [code] = (await once(client, "close")) as [number];
    assert.equal(code, 1000);
    // An empty message first, then stdout (1), then the error channel (3).
    assert.ok(received.startsWith("\u0001\u0001hello\u0003{"), received);
    assert.match(received, /"ExitCode","message":"9"/);
  });

  async function echoOver(session: SpdySession): Promise<void> {
    const connections = Array.from({ length: 5 }, async (_, index) => {
      const headers = { port: "8080", requestid: String(index) };
      const error = await session.open({ ...headers, streamtype: "error" }, never);
      error.end();
      const data = await session.open({ ...headers, streamtype: "data" }, never);
      await data.write(Buffer.from(`ping ${index}`));
      data.end();
      assert.equal(await textOf(data.input), `ping ${index}`);
      assert.equal(await textOf(error.input), "");
    });
    await Promise.all(connections);
    session.close();
    await session.closed;
  }

  test("port-forward over SPDY: five connections at once", async () => {
    await echoOver(await spdy("/portForward/default/talk", "portforward.k8s.io"));
  });

  test("port-forward tunnelled through a WebSocket: a subprotocol with a slash is answered", async () => {
    // What goes through the tunnel is shown by kubectl, in the integration tests.
    const protocol = "SPDY/3.1+portforward.k8s.io";
    const upgraded = await openUpgrade(
      {
        url: new URL(`https://127.0.0.1:${server.port}/portForward/default/talk`),
        method: "GET",
        upgrade: "websocket",
        headers: {
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          "sec-websocket-version": "13",
          "sec-websocket-protocol": protocol,
        },
        tls: tlsOf(caller),
      },
      never,
    );
    assert.equal(upgraded.headers["sec-websocket-protocol"], protocol);
    assert.equal(upgraded.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    upgraded.connection.destroy();
  });

  test("port-forward over WebSocket v4: two channels a port", async () => {
    const client = await webSocket(
      "/portForward/default/talk?port=8080&port=9090",
      "v4.channel.k8s.io",
    );
    const received: string[] = [];
    client.on("message", (data) => {
      assert.ok(data instanceof Buffer);
      received.push(data.toString("latin1"));
    });
    client.send(Buffer.from("\x00first"));
    client.send(Buffer.from("\x02second"));
    await eventually(() => {
      assert.deepEqual(received.toSorted(), [
        "\x00first",
        "\x00\x90\x1f",
        "\x01\x90\x1f",
        "\x02second",
        "\x02\x82\x23",
        "\x03\x82\x23",
      ]);
    });
    client.close();
    await once(client, "close");
  });
});

async function textOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
