import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "#api/gen/types.ts";
import { pods, serviceAccounts } from "#client/kinds.ts";
import { nameOf } from "#client/object-key.ts";
import { busyboxImageName } from "#cri/images/seed.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { Admin, bundled, runGantry } from "./gantry-command.ts";
import { cpuSecondsOf } from "./process-cost.ts";
import { printTable, type Row } from "./report.ts";
import { WorkflowSystem } from "./workflow-system.ts";

/*
 * Workload W8: as many tasks as GANTRY_BENCH_PODS says (100), each a pod, on a real instance, beside as
 * many pods of the same kind that are made through the API alone. W11: from `gantry up` in an empty
 * directory to the first task that has succeeded.
 */

const count = Number(process.env["GANTRY_BENCH_PODS"] ?? 100);
const signal = AbortSignal.timeout(3_600_000);

const mapped = `import { bash, dag, expand, kubernetesPod } from "gantry/workflows";
const many = { maxActiveRuns: 1, maxActiveTasks: 10_000 };
const list = Array.from({ length: ${count} }, (_, at) => "true # " + at);
export const executed = dag("executed", many, () => {
  expand(bash, "step", { executor: "KubernetesExecutor" }, { command: list });
});
export const operated = dag("operated", many, () => {
  const pod = { image: "busybox", cmds: ["true"], namespace: "default", startupTimeoutSeconds: 3600 };
  const names = list.map((_, at) => "step-" + at);
  expand(kubernetesPod, "step", pod, { name: names });
});
`;

const once = `import { dag, task } from "gantry/workflows";
const at = { schedule: "@once", startDate: "2026-01-01", isPausedUponCreation: false };
export const first = dag("first", at, () => {
  task("step", () => 1)();
});
`;

export async function benchWorkflowPods(): Promise<void> {
  await bundled();
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-workflow-pods-"));
  try {
    await runGantry(["up", "--data-dir", directory, "--port", "0", "--no-workflows"]);
    await runGantry(["image", "seed", "--data-dir", directory]);
    await runGantry(["image", "seed", "worker", "--data-dir", directory]);
    printTable("workflows in pods", [await byApi(directory), ...(await byTasks(directory))]);
  } finally {
    await runGantry(["reset", "--data-dir", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
  printTable("workflows from nothing", [await firstTask()]);
}

function rowOf(name: string, ms: number, cpu?: number): Row {
  const own = cpu === undefined ? {} : { "CPU ms of the scheduler each": (cpu / count) * 1_000 };
  return { name, figures: { ms, "per s": (count / ms) * 1_000, ...own } };
}

/** Pods that end by themselves at once, and are deleted then, as an operator's are. */
async function byApi(directory: string): Promise<Row> {
  await using admin = await Admin.of(directory);
  const { client } = admin;
  const at = { namespace: "default" };
  for await (const batch of client.watch(serviceAccounts, at, signal)) {
    if (batch.some((it) => nameOf(it.object) === "default")) break; // Pods are refused before.
  }
  const since = performance.now();
  const deleted: Promise<unknown>[] = [];
  const over = new AbortController();
  const ended = (async () => {
    for await (const batch of client.watch(pods, at, AbortSignal.any([signal, over.signal]))) {
      for (const { type, object } of batch) {
        if (type !== "MODIFIED" || object.status?.phase !== "Succeeded") continue;
        if (object.metadata?.deletionTimestamp !== undefined) continue;
        deleted.push(
          client.delete(pods, { ...at, name: nameOf(object) }, {}, signal).catch(() => 0),
        );
      }
      if (new Set(deleted).size >= count) return;
    }
  })();
  const pod = (index: number): Pod => ({
    metadata: { name: `plain-${index}`, ...at },
    spec: {
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      containers: [{ name: "base", image: busyboxImageName, command: ["true"] }],
    },
  });
  const all = Array.from({ length: count }, (_, at) => client.create(pods, pod(at), {}, signal));
  await Promise.all(all);
  await ended;
  await Promise.all(deleted);
  const took = performance.now() - since;
  over.abort();
  return rowOf(`W8 ${count} pods by the API alone`, took);
}

async function byTasks(directory: string): Promise<Row[]> {
  await using system = new WorkflowSystem(undefined);
  system.write("mapped.ts", mapped);
  const cluster = ["--kubeconfig", join(directory, "kubeconfig"), "--worker-address", "0.0.0.0:0"];
  const executors = ["--executor", "LocalExecutor,KubernetesExecutor"];
  process.env["KUBECONFIG"] = join(directory, "kubeconfig");
  const pool = ["--parallelism", String(count), "--worker-pods-pending-timeout", "3600"];
  system.start(...cluster, ...executors, ...pool);
  await system.ready(2);
  const database = await system.open();
  await database.run("update pool set slots = 100000");
  const rows: Row[] = [];
  const titles = { executed: "by the Kubernetes executor", operated: "of kubernetesPod" };
  for (const [id, title] of Object.entries(titles)) {
    const cpu = (): number =>
      system
        .pids()
        .map(cpuSecondsOf)
        .reduce((sum, it) => sum + it, 0);
    const before = cpu();
    const since = performance.now();
    await system.trigger(id);
    await system.finished(id, 50);
    rows.push(
      rowOf(`W8 ${count} mapped tasks ${title}`, performance.now() - since, cpu() - before),
    );
  }
  return rows;
}

/** In an empty directory, with a DAG that is there from the start. */
async function firstTask(): Promise<Row> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-first-"));
  const workflows = join(directory, "workflows");
  mkdirSync(join(workflows, "dags"), { recursive: true });
  writeFileSync(join(workflows, "dags", "first.ts"), once);
  const since = performance.now();
  try {
    await runGantry(["up", "--data-dir", directory, "--port", "0", "--workflows-port", "0"]);
    const ready = performance.now() - since;
    await using database = openSqlite(join(workflows, "workflows.sqlite"));
    const query = "select 1 as one from task_instance where state = 'success'";
    const succeeded = (): Promise<boolean> =>
      database.rows(query).then(
        (rows) => rows.length > 0,
        () => false,
      );
    while (!(await succeeded())) await delay(10, undefined, { signal });
    const figures = { "ms to the node": ready, ms: performance.now() - since };
    return { name: "W11 up to the first task's success", figures };
  } finally {
    await runGantry(["reset", "--data-dir", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}
