import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { medians, printTable, type Row } from "./report.ts";

/*
 * Images from Dockerfiles, beside buildah in the same run: ten RUN steps on an empty cache and with
 * all of them cached, ten thousand small files, 500 MB. `dist/` has to be built.
 */

const rounds = 3;
const sampleMs = 20;
const steps = Array.from({ length: 10 }, (_, index) => `RUN echo ${index} > /file${index}`);
const tenSteps = ["FROM busybox", ...steps].join("\n");
const copyAll = "FROM busybox\nCOPY data /data\n";
const smallFiles = 10_000;
const smallBytes = 200;
const largeBytes = 500_000_000;
const chunkBytes = 10_000_000;
const program = join(import.meta.dirname, "..", "..", "dist", "gantry.js");

interface Cost {
  readonly seconds: number;
  /** The most that the process had at a time. */
  readonly residentMB: number;
}

interface Builder {
  readonly name: string;
  build(context: string): Promise<Cost>;
  /** Forgets all results of steps. */
  forget(): void;
}

async function timed(command: string, args: readonly string[]): Promise<Cost> {
  const since = performance.now();
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
  return { seconds: (performance.now() - since) / 1000, residentMB: residentKB / 1024 };
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

function contextOf(directory: string, name: string, dockerfile: string): string {
  const context = join(directory, name);
  mkdirSync(join(context, "data"), { recursive: true });
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return context;
}

async function measure(builder: Builder, context: string): Promise<Record<string, number>> {
  const runs: { cold: number; cached: number; memory: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    builder.forget();
    const cold = await builder.build(context);
    const cached = await builder.build(context);
    runs.push({ cold: cold.seconds, cached: cached.seconds, memory: cold.residentMB });
  }
  const { cold, cached, memory } = medians(runs);
  return { "cold s": cold, "cached s": cached, "peak MB": memory };
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
    const peer = existsSync("/usr/bin/buildah") ? [buildah(directory, base)] : [];
    const ten = contextOf(directory, "ten", tenSteps);
    const small = contextOf(directory, "small", copyAll);
    for (let index = 0; index < smallFiles; index++) {
      const folder = join(small, "data", String(index % 100));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file${index}`), randomBytes(smallBytes));
    }
    const large = contextOf(directory, "large", copyAll);
    for (let at = 0; at < largeBytes; at += chunkBytes) {
      writeFileSync(join(large, "data", "large"), randomBytes(chunkBytes), { flag: "a" });
    }
    const cases = [
      ["ten RUN steps", ten],
      ["10,000 files of 200 bytes", small],
      ["500 MB in one file", large],
    ] as const;
    for (const [title, context] of cases) {
      const rows: Row[] = [];
      for (const builder of [gantry, ...peer]) {
        rows.push({ name: builder.name, figures: await measure(builder, context) });
      }
      printTable(title, rows);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
