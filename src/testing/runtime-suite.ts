import assert from "node:assert/strict";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { ociArchive } from "#cri/images/oci-archive.ts";
import {
  type ContainerConfig,
  type ContainerStatus,
  type Runtime,
  RuntimeError,
  type RuntimeErrorKind,
  type RuntimeEvent,
  type SandboxConfig,
  type SecurityContext,
} from "#cri/runtime.ts";

export interface RuntimeFixture {
  readonly runtime: Runtime;
  /** An image on the node with a shell and the usual small programs. */
  readonly image: string;
  /** One that neither the node nor any registry has. */
  readonly missingImage: string;
  /** An empty directory of the test. */
  readonly directory: string;
  /** For the sandboxes; the fixture removes it. */
  readonly cgroupParent: string;
  close(): Promise<void>;
}

export const plainSecurity: SecurityContext = {
  supplementalGroups: [],
  readonlyRootFilesystem: false,
  noNewPrivileges: false,
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
  seccomp: { kind: "runtime-default" },
  maskedPaths: [],
  readonlyPaths: [],
};

const stateMsMax = 20_000;

/** Makes pods in a fixture; names are given once. */
export class RuntimeTester {
  readonly fixture: RuntimeFixture;
  readonly signal: AbortSignal = new AbortController().signal;
  #pods = 0;

  constructor(fixture: RuntimeFixture) {
    this.fixture = fixture;
  }

  get runtime(): Runtime {
    return this.fixture.runtime;
  }

  sandboxConfig(changes: Partial<SandboxConfig> = {}): SandboxConfig {
    this.#pods += 1;
    const name = `pod-${this.#pods}`;
    return {
      metadata: { name, namespace: "suite", uid: `uid-${this.#pods}`, attempt: 0 },
      hostname: name,
      logDirectory: join(this.fixture.directory, "logs", name),
      dns: { servers: ["10.96.0.10"], searches: ["cluster.local"], options: ["ndots:5"] },
      labels: { app: name },
      annotations: { note: "made by the suite" },
      cgroupParent: `${this.fixture.cgroupParent}/${name}`,
      network: "pod",
      pid: "container",
      ipc: "pod",
      sysctls: {},
      privileged: false,
      security: plainSecurity,
      runtimeHandler: "",
      ...changes,
    };
  }

  containerConfig(
    command: readonly string[],
    changes: Partial<ContainerConfig> = {},
  ): ContainerConfig {
    return {
      metadata: { name: "main", attempt: 0 },
      image: this.fixture.image,
      imageId: "",
      command,
      args: [],
      workingDir: "",
      env: [],
      mounts: [],
      labels: { tier: "test" },
      annotations: { answer: "42" },
      logPath: "main.log",
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: {
        cpuPeriod: 0,
        cpuQuota: 0,
        cpuShares: 2,
        memoryLimitBytes: 0,
        oomScoreAdj: 1000,
      },
      security: plainSecurity,
      pid: "container",
      ...changes,
    };
  }

  /** A sandbox with one started container; removed when `use` ends. */
  async withContainer(
    command: readonly string[],
    use: (pod: { sandboxId: string; id: string; config: ContainerConfig }) => Promise<void>,
    changes: Partial<ContainerConfig> = {},
  ): Promise<void> {
    const sandbox = this.sandboxConfig();
    const config = this.containerConfig(command, changes);
    await this.withSandbox(sandbox, async (sandboxId) => {
      const id = await this.runtime.createContainer(sandboxId, config, sandbox, this.signal);
      await this.runtime.startContainer(id, this.signal);
      await use({ sandboxId, id, config });
    });
  }

  async withSandbox(config: SandboxConfig, use: (id: string) => Promise<void>): Promise<void> {
    await mkdir(config.logDirectory, { recursive: true });
    const id = await this.runtime.runSandbox(config, this.signal);
    try {
      await use(id);
    } finally {
      await this.runtime.stopSandbox(id, this.signal);
      await this.runtime.removeSandbox(id, this.signal);
    }
  }

  async exited(id: string): Promise<ContainerStatus> {
    return await eventually(
      () => this.runtime.containerStatus(id, this.signal),
      (it) => it?.state === "exited",
    );
  }

  async fails(kind: RuntimeErrorKind, doing: Promise<unknown>): Promise<void> {
    await assert.rejects(doing, (error) => {
      assert.ok(error instanceof RuntimeError, String(error));
      assert.equal(error.kind, kind, error.message);
      return true;
    });
  }
}

/** The promises of `cri/runtime.ts`; every runtime must pass. */
export function runtimeSuite(
  name: string,
  open: () => Promise<RuntimeFixture>,
  options: { readonly skip?: string | false } = {},
): void {
  suite(`Runtime ${name}`, { skip: options.skip ?? false }, () => {
    let tester: RuntimeTester;
    before(async () => {
      tester = new RuntimeTester(await open());
    });
    after(async () => {
      await tester.fixture.close();
    });
    sandboxTests(() => tester);
    containerTests(() => tester);
    execTests(() => tester);
    sessionTests(() => tester);
    imageTests(() => tester);
    eventTests(() => tester);
  });
}

function sandboxTests(get: () => RuntimeTester): void {
  test("is ready and says what it is", async () => {
    const { runtime, signal } = get();
    const { name, version } = await runtime.version(signal);
    assert.ok(name !== "" && version !== "");
    const status = await runtime.status(signal);
    assert.deepEqual([status.runtimeReady, status.networkReady], [true, true], status.message);
  });

  test("sandbox: ready with an address, then not ready, then gone", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const config = tester.sandboxConfig();
    const id = await runtime.runSandbox(config, signal);
    const status = await runtime.sandboxStatus(id, signal);
    assert.equal(status?.state, "ready");
    assert.equal(status.ips.length, 1);
    assert.match(status.ips[0] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(status.metadata, config.metadata);
    assert.deepEqual([status.labels, status.annotations], [config.labels, config.annotations]);
    assert.ok(Math.abs(status.createdAtMs - systemClock.now()) < 60_000);
    const listed = (await runtime.listSandboxes(signal)).find((it) => it.id === id);
    assert.deepEqual([listed?.state, listed?.metadata], ["ready", config.metadata]);
    await runtime.stopSandbox(id, signal);
    assert.equal((await runtime.sandboxStatus(id, signal))?.state, "not-ready");
    await runtime.stopSandbox(id, signal);
    await runtime.removeSandbox(id, signal);
    assert.equal(await runtime.sandboxStatus(id, signal), undefined);
  });

  test("sandbox: the same name, namespace, uid and attempt is reserved", async () => {
    const tester = get();
    const config = tester.sandboxConfig();
    await tester.withSandbox(config, async () => {
      await tester.fails("name-reserved", tester.runtime.runSandbox(config, tester.signal));
      const next = { ...config, metadata: { ...config.metadata, attempt: 1 } };
      await tester.withSandbox(next, async (id) => {
        const status = await tester.runtime.sandboxStatus(id, tester.signal);
        assert.equal(status?.metadata.attempt, 1);
      });
    });
  });

  test("sandbox: on the node's network it has no address of its own", async () => {
    const tester = get();
    await tester.withSandbox(tester.sandboxConfig({ network: "node" }), async (id) => {
      const status = await tester.runtime.sandboxStatus(id, tester.signal);
      assert.deepEqual([status?.state, status?.ips], ["ready", []]);
    });
  });

  test("unknown ids: ending is success, status is undefined, use is not-found", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const none = "0123456789abcdef";
    await runtime.stopSandbox(none, signal);
    await runtime.removeSandbox(none, signal);
    await runtime.stopContainer(none, 1, signal);
    await runtime.removeContainer(none, signal);
    assert.equal(await runtime.sandboxStatus(none, signal), undefined);
    assert.equal(await runtime.containerStatus(none, signal), undefined);
    const { resources } = tester.containerConfig([]);
    await tester.fails("not-found", runtime.startContainer(none, signal));
    await tester.fails("not-found", runtime.updateResources(none, resources, signal));
    await tester.fails("not-found", runtime.execSync(none, ["true"], 1000, signal));
  });

  test("an aborted call rejects with the signal's reason", async () => {
    const tester = get();
    const reason = new Error("shutting down");
    const stopped = AbortSignal.abort(reason);
    await assert.rejects(tester.runtime.listContainers(stopped), reason);
    await assert.rejects(tester.runtime.runSandbox(tester.sandboxConfig(), stopped), reason);
  });
}

function containerTests(get: () => RuntimeTester): void {
  test("container: created, running, exited by a stop, gone", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (sandboxId) => {
      const config = tester.containerConfig(["sleep", "3600"]);
      const id = await runtime.createContainer(sandboxId, config, sandbox, signal);
      const created = await runtime.containerStatus(id, signal);
      assert.deepEqual([created?.state, created?.startedAtMs], ["created", 0]);
      await runtime.startContainer(id, signal);
      const running = await runtime.containerStatus(id, signal);
      assert.equal(running?.state, "running");
      assert.ok(running.startedAtMs >= running.createdAtMs && running.finishedAtMs === 0);
      assert.deepEqual(
        [running.sandboxId, running.metadata, running.labels, running.annotations],
        [sandboxId, config.metadata, config.labels, config.annotations],
      );
      assert.equal(running.image, config.image);
      assert.equal(running.logPath, join(sandbox.logDirectory, config.logPath));
      const listed = (await runtime.listContainers(signal)).find((it) => it.id === id);
      assert.deepEqual(
        [listed?.state, listed?.sandboxId, listed?.image, listed?.metadata],
        ["running", sandboxId, config.image, config.metadata],
      );
      assert.deepEqual([listed?.labels, listed?.annotations], [config.labels, config.annotations]);
      await runtime.stopContainer(id, 0, signal);
      const exited = await tester.exited(id);
      assert.deepEqual([exited.exitCode, exited.reason], [137, "Error"]);
      assert.ok(exited.finishedAtMs >= exited.startedAtMs);
      await runtime.stopContainer(id, 0, signal);
      await runtime.removeContainer(id, signal);
      assert.equal(await runtime.containerStatus(id, signal), undefined);
      await runtime.removeContainer(id, signal);
    });
  });

  const ends: [command: string[], args: string[], code: number, reason: string][] = [
    [["true"], [], 0, "Completed"],
    [["false"], [], 1, "Error"],
    [["sh", "-c"], ["exit 3"], 3, "Error"],
    [["sleep", "0.2"], [], 0, "Completed"],
  ];
  for (const [command, args, code, reason] of ends) {
    test(`container: [${[...command, ...args].join(" ")}] exits ${code} ${reason}`, async () => {
      const tester = get();
      await tester.withContainer(
        command,
        async ({ id }) => {
          const status = await tester.exited(id);
          assert.deepEqual([status.exitCode, status.reason], [code, reason]);
        },
        { args },
      );
    });
  }

  test("container: several in a sandbox, and a second attempt of one", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (sandboxId) => {
      const attempts = [0, 1].map((attempt) =>
        tester.containerConfig(["true"], {
          metadata: { name: "main", attempt },
          logPath: `main/${attempt}.log`,
        }),
      );
      const other = tester.containerConfig(["sleep", "3600"], {
        metadata: { name: "side", attempt: 0 },
        logPath: "side.log",
      });
      await mkdir(join(sandbox.logDirectory, "main"));
      for (const config of [...attempts, other]) {
        const id = await runtime.createContainer(sandboxId, config, sandbox, signal);
        await runtime.startContainer(id, signal);
      }
      const listed = (await runtime.listContainers(signal)).filter(
        (it) => it.sandboxId === sandboxId,
      );
      assert.deepEqual(
        listed.map((it) => `${it.metadata.name}/${it.metadata.attempt}`).toSorted(),
        ["main/0", "main/1", "side/0"],
      );
    });
  });

  test("container: removing the sandbox removes its containers", async () => {
    const tester = get();
    let removed = "";
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      removed = id;
    });
    assert.equal(await tester.runtime.containerStatus(removed, tester.signal), undefined);
  });

  test("container: an image that is not on the node is image-not-found", async () => {
    const tester = get();
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (id) => {
      const config = tester.containerConfig(["true"], { image: tester.fixture.missingImage });
      const creating = tester.runtime.createContainer(id, config, sandbox, tester.signal);
      await tester.fails("image-not-found", creating);
    });
  });

  test("container: output goes to the log in CRI's format, by stream", async () => {
    const tester = get();
    await tester.withContainer(["sh", "-c", "echo hello; echo oops >&2"], async ({ id }) => {
      const { logPath } = await tester.exited(id);
      const text = await eventually(
        () => readFile(logPath, "utf8"),
        (it) => it.includes("hello") && it.includes("oops"),
      );
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)`;
      assert.match(text, new RegExp(`^${time} stdout F hello$`, "m"));
      assert.match(text, new RegExp(`^${time} stderr F oops$`, "m"));
    });
  });

  test("container: after a rename, reopenLog makes a new log file", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const { runtime, signal } = tester;
      const path = (await runtime.containerStatus(id, signal))?.logPath ?? "";
      await runtime.reopenLog(id, signal);
      await rename(path, `${path}.1`);
      await runtime.reopenLog(id, signal);
      assert.equal(await readFile(path, "utf8"), "");
    });
  });

  test("container: resources of a running one can change", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id, config }) => {
      const resources = { ...config.resources, cpuShares: 512, memoryLimitBytes: 64 * 1024 * 1024 };
      await tester.runtime.updateResources(id, resources, tester.signal);
    });
  });
}

function execTests(get: () => RuntimeTester): void {
  test("execSync: outputs apart, exit code as a result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const script = "echo out; echo err >&2; exit 4";
      const result = await tester.runtime.execSync(id, ["sh", "-c", script], 10_000, tester.signal);
      assert.deepEqual(
        [
          Buffer.from(result.stdout).toString(),
          Buffer.from(result.stderr).toString(),
          result.exitCode,
        ],
        ["out\n", "err\n", 4],
      );
    });
  });

  test("execSync: a command that takes too long is a timeout", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const running = tester.runtime.execSync(id, ["sleep", "600"], 1000, tester.signal);
      await tester.fails("timeout", running);
    });
  });

  test("execSync: in a container that has exited it fails", async () => {
    const tester = get();
    await tester.withContainer(["true"], async ({ id }) => {
      await tester.exited(id);
      const running = tester.runtime.execSync(id, ["true"], 1000, tester.signal);
      await assert.rejects(running, RuntimeError);
    });
  });
}

const allStreams = { stdin: true, stdout: true, stderr: true, tty: false };

function sessionTests(get: () => RuntimeTester): void {
  test("exec: stdin goes in and out again, its end ends the command", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["cat"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const reading = readText(session.stdout);
      await session.writeStdin(Buffer.from("first "));
      await session.writeStdin(Buffer.from("second"));
      session.endStdin();
      assert.equal(await reading, "first second");
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: 5 MiB through stdin and stdout arrive whole", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["cat"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const sent = Buffer.alloc(5 * 1024 * 1024, "0123456789abcdef-");
      const reading = readAll(session.stdout);
      for (let at = 0; at < sent.length; at += 100_000) {
        await session.writeStdin(sent.subarray(at, at + 100_000));
      }
      session.endStdin();
      assert.ok((await reading).equals(sent));
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: outputs apart, and the exit code", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const command = ["sh", "-c", "echo out; echo err >&2; exit 7"];
      const options = { ...allStreams, stdin: false, command };
      const session = await tester.runtime.exec(id, options, tester.signal);
      const [stdout, stderr] = await Promise.all([
        readText(session.stdout),
        readText(session.stderr),
      ]);
      assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
      assert.deepEqual(await session.result, { kind: "exit", code: 7 });
    });
  });

  test("exec: on a terminal the outputs are one, and it can be resized", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const command = ["sh", "-c", "echo out; echo err >&2"];
      const options = { ...allStreams, tty: true, command };
      const session = await tester.runtime.exec(id, options, tester.signal);
      session.resize(100, 40);
      const [stdout, stderr] = await Promise.all([
        readText(session.stdout),
        readText(session.stderr),
      ]);
      assert.deepEqual([stdout.replaceAll("\r", ""), stderr], ["out\nerr\n", ""]);
      assert.deepEqual(await session.result, { kind: "exit", code: 0 });
    });
  });

  test("exec: closing it settles the result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const options = { ...allStreams, command: ["sleep", "600"] };
      const session = await tester.runtime.exec(id, options, tester.signal);
      session.close();
      assert.equal((await session.result).kind, "error");
    });
  });

  test("exec: aborting its signal settles the result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const stop = new AbortController();
      const options = { ...allStreams, command: ["sleep", "600"] };
      const session = await tester.runtime.exec(id, options, stop.signal);
      stop.abort(new Error("the client left"));
      assert.equal((await session.result).kind, "error");
    });
  });

  test("attach: reads and writes the container's own streams; ends with it", async () => {
    const tester = get();
    await tester.withContainer(
      ["cat"],
      async ({ id }) => {
        const session = await tester.runtime.attach(id, allStreams, tester.signal);
        await session.writeStdin(Buffer.from("to the container\n"));
        let text = "";
        for await (const chunk of session.stdout) {
          text += Buffer.from(chunk).toString();
          if (text.includes("\n")) break;
        }
        assert.equal(text, "to the container\n");
        await tester.runtime.stopContainer(id, 0, tester.signal);
        assert.deepEqual(await session.result, { kind: "exit", code: 0 });
      },
      { stdin: true },
    );
  });

  test("portForward: bytes both ways to a port of the sandbox", async () => {
    const tester = get();
    const server = ["nc", "-ll", "-p", "7000", "-e", "cat"];
    await tester.withContainer(server, async ({ sandboxId }) => {
      // The server needs a moment to listen; a refused connection is an end without an echo.
      const echoed = await eventually(
        () => echo(tester, sandboxId),
        (it) => it !== "",
      );
      assert.equal(echoed, "hello");
    });
  });
}

async function echo(tester: RuntimeTester, sandboxId: string): Promise<string> {
  const stream = await tester.runtime.portForward(sandboxId, 7000, tester.signal);
  try {
    await stream.write(Buffer.from("hello"));
    for await (const chunk of stream.output) return Buffer.from(chunk).toString();
    return "";
  } catch (error) {
    if (error instanceof RuntimeError) return "";
    throw error;
  } finally {
    stream.close();
  }
}

function imageTests(get: () => RuntimeTester): void {
  test("images: the present has an id and a name, the missing is undefined", async () => {
    const { runtime, signal, fixture } = get();
    const image = await runtime.imageStatus(fixture.image, signal);
    assert.ok(image !== undefined);
    assert.match(image.id, /^sha256:[0-9a-f]{64}$/);
    assert.ok(image.tags.some((it) => it.includes("/")));
    assert.ok((await runtime.listImages(signal)).some((it) => it.id === image.id));
    assert.equal((await runtime.imageStatus(image.id, signal))?.id, image.id);
    assert.equal(await runtime.imageStatus(fixture.missingImage, signal), undefined);
  });

  test("images: imported by name, used, removed", async () => {
    const { runtime, signal } = get();
    const archive = ociArchive({
      name: "example.test/imported:1",
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      config: { Cmd: ["/none"], Env: [], WorkingDir: "/" },
      files: [{ type: "file", name: "greeting", mode: 0o644, content: Buffer.from("hi") }],
    });
    const names = await runtime.importImage(archive, signal);
    assert.deepEqual(names, ["example.test/imported:1"]);
    assert.ok((await runtime.imageStatus("example.test/imported:1", signal)) !== undefined);
    await runtime.removeImage("example.test/imported:1", signal);
    assert.equal(await runtime.imageStatus("example.test/imported:1", signal), undefined);
    await runtime.removeImage("example.test/imported:1", signal);
  });

  test("images: the files of one can be seen until they are released", async () => {
    const { runtime, signal } = get();
    const name = "example.test/viewed:1";
    const archive = ociArchive({
      name,
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      config: { Cmd: ["/none"], Env: [], WorkingDir: "/" },
      files: [{ type: "file", name: "greeting", mode: 0o644, content: Buffer.from("hi") }],
    });
    await runtime.importImage(archive, signal);
    const image = await runtime.imageStatus(name, signal);
    assert.ok(image !== undefined);
    const mount = await runtime.viewImage(image.id, "view-1", signal);
    assert.deepEqual(await runtime.viewImage(image.id, "view-1", signal), mount);
    if (mount?.type === "bind") {
      assert.equal(await readFile(join(mount.source, "greeting"), "utf8"), "hi");
    }
    await runtime.removeImage(name, signal);
    await runtime.releaseImage("view-1", signal);
    await runtime.releaseImage("view-1", signal);
  });

  test("images: an archive that names no image is refused", async () => {
    const { runtime, signal } = get();
    async function* empty(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1024);
    }
    await assert.rejects(runtime.importImage(empty(), signal));
  });

  test("images: a pull that cannot succeed is a RuntimeError that names the image", async () => {
    const { runtime, signal, fixture } = get();
    await assert.rejects(runtime.pullImage(fixture.missingImage, undefined, signal), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.ok(error.message.includes(fixture.missingImage), error.message);
      return true;
    });
  });
}

function eventTests(get: () => RuntimeTester): void {
  test("events: created, started, exited when the status says so, deleted", async () => {
    const tester = get();
    const stop = new AbortController();
    const seen: RuntimeEvent[] = [];
    const statesAtExit: string[] = [];
    const watching = (async () => {
      for await (const event of tester.runtime.events(stop.signal)) {
        seen.push(event);
        if (event.kind !== "exited") continue;
        const status = await tester.runtime.containerStatus(event.id, tester.signal);
        if (status !== undefined) statesAtExit.push(status.state);
      }
    })();
    try {
      // The subscription is made when something of it is heard.
      await eventually(
        async () => {
          if (seen.length === 0) await tester.withContainer(["true"], async () => undefined);
          return seen.length;
        },
        (it) => it > 0,
      );
      let container = "";
      await tester.withContainer(["sleep", "0.1"], async ({ id }) => {
        container = id;
        await tester.exited(id);
        await eventually(
          async () => kinds(seen, id),
          (it) => it.includes("exited"),
        );
      });
      await eventually(
        async () => kinds(seen, container),
        (it) => it.includes("deleted"),
      );
      assert.deepEqual(kinds(seen, container), ["created", "started", "exited", "deleted"]);
      assert.ok(statesAtExit.length > 0);
      assert.deepEqual(
        statesAtExit.filter((it) => it !== "exited"),
        [],
      );
    } finally {
      stop.abort(new Error("seen enough"));
      await watching.catch(() => undefined);
    }
  });
}

function kinds(events: readonly RuntimeEvent[], id: string): string[] {
  return events.filter((it) => it.id === id).map((it) => it.kind);
}

async function readText(input: AsyncIterable<Uint8Array>): Promise<string> {
  return (await readAll(input)).toString();
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Asks, within a bound, until the answer is as wanted; fails with the last one seen. */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
): Promise<NonNullable<T>> {
  const signal = new AbortController().signal;
  const until = systemClock.monotonic() + stateMsMax;
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 100)) {
    const answer = await ask();
    if (answer != null && wanted(answer)) return answer;
    if (systemClock.monotonic() > until) {
      assert.fail(`not within ${stateMsMax} ms; the last answer: ${JSON.stringify(answer)}`);
    }
    await systemClock.sleep(wait, signal);
  }
}
