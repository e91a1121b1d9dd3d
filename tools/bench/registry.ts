import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSecondsOf } from "./process-cost.ts";
import { medians, printTable, type Row } from "./report.ts";

const layerBytes = 100 * 1_048_576;
const rounds = 3;
const manifestSeconds = 5;
const inFlight = 16;
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Figures of one round. */
type Figures = Record<
  "push s" | "push CPU s" | "pull s" | "pull CPU s" | "manifests/s" | "µs CPU" | "peak MB",
  number
>;

interface Registry extends Disposable {
  readonly pid: number;
  readonly port: number;
}

/**
 * A layer of 100 MB pushed and pulled, and manifests asked for, by one Node process beside each
 * registry in turn: ours, and Debian's docker-registry when it is installed. Both store on the same
 * disk; ours flushes what it acknowledges.
 */
export async function benchRegistry(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-registry-"));
  try {
    const rows: Row[] = [];
    for (const [name, start] of Object.entries(registries)) {
      const runs: Figures[] = [];
      for (let round = 0; round < rounds; round++) {
        const storage = join(folder, `${rows.length}-${round}`);
        using registry = await start(storage);
        runs.push(await measure(registry));
        rmSync(storage, { recursive: true, force: true });
      }
      rows.push({ name, figures: medians(runs) });
    }
    printTable(`registry: 100 MB layer, ${inFlight} in flight for manifests`, rows);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      console.log("registry: not measured, install docker-registry");
    } else throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const registries: Readonly<Record<string, (storage: string) => Promise<Registry>>> = {
  gantry: async (storage) => {
    const port = await freePort();
    const program = join(import.meta.dirname, "../../dist/gantry.js");
    const listen = ["--listen", `127.0.0.1:${port}`, "--storage", storage, "--auth", "none"];
    return await started(spawn(process.execPath, [program, "registry", "serve", ...listen]), port);
  },
  "docker-registry": async (storage) => {
    const port = await freePort();
    const config = `${storage}.yml`;
    writeFileSync(
      config,
      `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${storage}}, cache: {blobdescriptor: inmemory}}
http: {addr: "127.0.0.1:${port}"}
`,
    );
    return await started(spawn("docker-registry", ["serve", config]), port);
  },
};

async function started(child: ChildProcess, port: number): Promise<Registry> {
  const failed = new Promise<never>((_resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`the registry ended with ${String(code)}`));
    });
  });
  failed.catch(() => undefined);
  const serving = async (): Promise<void> => {
    const answered = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    await answered?.arrayBuffer();
    if (answered === undefined) {
      await new Promise((done) => setTimeout(done, 50));
      await serving();
    }
  };
  await Promise.race([serving(), failed]);
  return {
    pid: child.pid ?? 0,
    port,
    [Symbol.dispose]: () => {
      child.kill("SIGKILL");
    },
  };
}

async function measure({ pid, port }: Registry): Promise<Figures> {
  using client = new Client(port);
  const layer = randomBytes(layerBytes);
  const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  // From here on the peak counts, not what starting took.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const pushed = await timed(pid, async () => {
    const begun = await client.ask("POST", "/v2/bench/blobs/uploads/");
    const url = new URL(begun.location, `http://127.0.0.1:${port}`);
    url.searchParams.set("digest", digest);
    const { status } = await client.ask("PUT", url.pathname + url.search, layer);
    if (status !== 201) throw new Error(`push: ${status}`);
  });
  const pulled = await timed(pid, async () => {
    const { status, bytes } = await client.ask("GET", `/v2/bench/blobs/${digest}`);
    if (status !== 200 || bytes !== layerBytes) throw new Error(`pull: ${status}, ${bytes} bytes`);
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: layerBytes },
      layers: [],
    }),
  );
  const put = await client.ask("PUT", "/v2/bench/manifests/latest", manifest, manifestType);
  if (put.status !== 201) throw new Error(`manifest: ${put.status}`);
  let count = 0;
  const asked = await timed(pid, async () => {
    const until = performance.now() + manifestSeconds * 1_000;
    const asking = Array.from({ length: inFlight }, async () => {
      while (performance.now() < until) {
        const { status } = await client.ask("GET", "/v2/bench/manifests/latest");
        if (status !== 200) throw new Error(`manifest: ${status}`);
        count++;
      }
    });
    await Promise.all(asking);
  });
  return {
    "push s": pushed.seconds,
    "push CPU s": pushed.cpu,
    "pull s": pulled.seconds,
    "pull CPU s": pulled.cpu,
    "manifests/s": count / asked.seconds,
    "µs CPU": (asked.cpu / count) * 1e6,
    "peak MB": peakBytesOf(pid) / 1e6,
  };
}

async function timed(
  pid: number,
  act: () => Promise<void>,
): Promise<{ readonly seconds: number; readonly cpu: number }> {
  const cpu = cpuSecondsOf(pid);
  const since = performance.now();
  await act();
  return { seconds: (performance.now() - since) / 1_000, cpu: cpuSecondsOf(pid) - cpu };
}

/** The most that was resident since it was last reset. */
function peakBytesOf(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes ?? 0) * 1_024;
}

class Client implements Disposable {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: inFlight });

  constructor(port: number) {
    this.#port = port;
  }

  async ask(
    method: string,
    path: string,
    body?: Buffer,
    type = "application/octet-stream",
  ): Promise<{ readonly status: number; readonly location: string; readonly bytes: number }> {
    const headers = {
      accept: manifestType,
      ...(body === undefined
        ? { "content-length": 0 }
        : { "content-length": body.length, "content-type": type }),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const place = { host: "127.0.0.1", port: this.#port, agent: this.#agent };
      const request = httpRequest({ ...place, method, path, headers }, resolve);
      request.once("error", reject);
      request.end(body);
    });
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    return { status: response.statusCode ?? 0, location: response.headers.location ?? "", bytes };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
