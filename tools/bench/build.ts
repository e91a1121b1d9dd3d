import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSecondsOfTree } from "./process-cost.ts";
import { medians, printTable, type Row } from "./report.ts";

/*
 * Images from Dockerfiles, beside buildah in the same run: ten RUN steps on an empty cache and with
 * all of them cached, ten thousand small files, 500 MB in a few. BuildKit takes part when `buildkitd` and
 * `buildctl` are there. `dist/` has to be built. GANTRY_BENCH_CASES names the cases, by their first words.
 */

const rounds = 3;
const sampleMs = 20;
const steps = Array.from({ length: 10 }, (_, index) => `RUN echo ${index} > /file${index}`);
const tenSteps = ["FROM busybox", ...steps].join("\n");
const copyAll = "FROM busybox\nCOPY data /data\n";
const smallFiles = 10_000;
const smallBytes = 200;
const largeBytes = 500_000_000;
const largeFileBytes = 100_000_000;
const chunkBytes = 10_000_000;
const program = join(import.meta.dirname, "..", "..", "dist", "gantry.js");

interface Cost {
  readonly seconds: number;
  /** Of all processors, children's too. */
  readonly cpuSeconds: number;
  /** The most that the process had at a time. */
  readonly residentMB: number;
}

interface Builder {
  readonly name: string;
  build(context: string): Promise<Cost>;
  /** Forgets all results of steps. */
  forget(): void | Promise<void>;
}

async function timed(command: string, args: readonly string[]): Promise<Cost> {
  const since = performance.now();
  const cpuSince = cpuSecondsOfTree(process.pid);
  const ownSince = process.cpuUsage();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  let code: number | null | undefined;
  child.once("close", (it) => (code = it));
  let residentKB = 0;
  while (code === undefined) {
    residentKB = Math.max(residentKB, peakOf(child.pid ?? 0));
    await delay(sampleMs);
  }
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${said}`);
  const own = process.cpuUsage(ownSince);
  return {
    seconds: (performance.now() - since) / 1000,
    cpuSeconds: cpuSecondsOfTree(process.pid) - cpuSince - (own.user + own.system) / 1e6,
    residentMB: residentKB / 1024,
  };
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function must(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout.trim();
}

function ours(directory: string): Builder {
  const data = join(directory, "data");
  must(process.execPath, [program, "image", "seed", "--data-dir", data]);
  return {
    name: "gantry",
    build: async (context) =>
      await timed(process.execPath, [program, "build", "-t", "bench", "--data-dir", data, context]),
    forget: () => {
      rmSync(join(data, "build"), { recursive: true, force: true });
    },
  };
}

function buildah(directory: string, base: string): Builder {
  const storage = join(directory, "storage");
  const global = ["--root", storage, "--runroot", `${storage}-run`, "--storage-driver", "overlay"];
  function prepare(): void {
    const id = must("buildah", [...global, "pull", `oci-archive:${base}`]);
    must("buildah", [...global, "tag", id, "docker.io/library/busybox:latest"]);
  }
  prepare();
  return {
    name: "buildah",
    build: async (context) => {
      const args = ["bud", "--layers", "--pull-never", "--runtime", "runc", "--network", "host"];
      return await timed("buildah", [...global, ...args, "-t", "bench", context]);
    },
    forget: () => {
      must("buildah", [...global, "rmi", "--all", "--force"]);
      prepare();
    },
  };
}

/** BuildKit's daemon with runc, without a network of its own, as the others have it. */
class BuildKit implements Builder, Disposable {
  readonly name = "buildkit";
  readonly #directory: string;
  readonly #base: string;
  readonly #digest: string;
  #daemon: ChildProcess | undefined;

  private constructor(directory: string, base: string, digest: string) {
    this.#directory = directory;
    this.#base = base;
    this.#digest = digest;
  }

  static async start(directory: string, archive: string): Promise<BuildKit> {
    const base = join(directory, "base-layout");
    mkdirSync(base);
    must("tar", ["-xf", archive, "-C", base]);
    const index = JSON.parse(readFileSync(join(base, "index.json"), "utf8")) as {
      manifests: { digest: string }[];
    };
    const kit = new BuildKit(directory, base, index.manifests[0]?.digest ?? "");
    await kit.forget();
    return kit;
  }

  get #address(): string {
    return `unix://${join(this.#directory, "buildkit.sock")}`;
  }

  async build(context: string): Promise<Cost> {
    const pid = this.#daemon?.pid ?? 0;
    const since = cpuSecondsOfTree(pid);
    const cost = await timed("buildctl", [
      ...["--addr", this.#address, "build", "--frontend", "dockerfile.v0"],
      ...["--local", `context=${context}`, "--local", `dockerfile=${context}`],
      ...["--oci-layout", `base=${this.#base}`],
      ...["--opt", `context:busybox=oci-layout://base@${this.#digest}`],
      ...["--output", `type=oci,dest=${join(this.#directory, "buildkit.tar")}`],
    ]);
    const cpuSeconds = cost.cpuSeconds + cpuSecondsOfTree(pid) - since;
    return { ...cost, cpuSeconds, residentMB: peakOf(pid) / 1024 };
  }

  async forget(): Promise<void> {
    await this.#stop();
    const root = join(this.#directory, "buildkit");
    rmSync(root, { recursive: true, force: true });
    const worker = ["--oci-worker-binary", "runc", "--oci-worker-net", "host"];
    const args = ["--root", root, "--addr", this.#address, ...worker];
    this.#daemon = spawn("buildkitd", args, { stdio: "ignore" });
    const asked = ["--addr", this.#address, "debug", "workers"];
    while (spawnSync("buildctl", asked).status !== 0) await delay(sampleMs);
  }

  async #stop(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const ended = new Promise((done) => daemon.once("exit", done));
    daemon.kill("SIGTERM");
    await ended;
  }

  [Symbol.dispose](): void {
    this.#daemon?.kill("SIGKILL");
  }
}

function onPath(program: string): boolean {
  return spawnSync("which", [program]).status === 0;
}

function contextOf(directory: string, name: string, dockerfile: string): string {
  const context = join(directory, name);
  mkdirSync(join(context, "data"), { recursive: true });
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return context;
}

async function measure(builder: Builder, context: string): Promise<Record<string, number>> {
  const runs: Record<"cold" | "coldCpu" | "cached" | "cachedCpu" | "memory", number>[] = [];
  for (let round = 0; round < rounds; round++) {
    await builder.forget();
    const cold = await builder.build(context);
    const cached = await builder.build(context);
    runs.push({
      cold: cold.seconds,
      coldCpu: cold.cpuSeconds,
      cached: cached.seconds,
      cachedCpu: cached.cpuSeconds,
      memory: cold.residentMB,
    });
  }
  const { cold, coldCpu, cached, cachedCpu, memory } = medians(runs);
  return {
    "cold s": cold,
    "cold CPU s": coldCpu,
    "cached s": cached,
    "cached CPU s": cachedCpu,
    "peak MB": memory,
  };
}

export async function benchBuild(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "bench-build-"));
  try {
    const gantry = ours(directory);
    const base = join(directory, "base.tar");
    const plain = contextOf(directory, "plain", "FROM busybox\n");
    const data = join(directory, "data");
    const output = `type=oci,dest=${base}`;
    must(process.execPath, [
      program,
      "build",
      "-t",
      "busybox",
      "-o",
      output,
      "--data-dir",
      data,
      plain,
    ]);
    using kit = onPath("buildkitd") ? await BuildKit.start(directory, base) : undefined;
    const peers = [
      ...(existsSync("/usr/bin/buildah") ? [buildah(directory, base)] : []),
      ...(kit === undefined ? [] : [kit]),
    ];
    const ten = contextOf(directory, "ten", tenSteps);
    const small = contextOf(directory, "small", copyAll);
    for (let index = 0; index < smallFiles; index++) {
      const folder = join(small, "data", String(index % 100));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file${index}`), randomBytes(smallBytes));
    }
    const large = contextOf(directory, "large", copyAll);
    for (let at = 0; at < largeBytes; at += chunkBytes) {
      const file = `large${Math.floor(at / largeFileBytes)}`;
      writeFileSync(join(large, "data", file), randomBytes(chunkBytes), { flag: "a" });
    }
    const cases = [
      ["ten RUN steps", ten],
      ["10,000 files of 200 bytes", small],
      ["500 MB in five files", large],
    ] as const;
    const wanted = (process.env["GANTRY_BENCH_CASES"] ?? "").split(",");
    for (const [title, context] of cases) {
      if (!wanted.some((it) => title.startsWith(it))) continue;
      const rows: Row[] = [];
      for (const builder of [gantry, ...peers]) {
        rows.push({ name: builder.name, figures: await measure(builder, context) });
      }
      printTable(title, rows);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
