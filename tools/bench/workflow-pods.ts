import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "#api/gen/types.ts";
import { pods, serviceAccounts } from "#client/kinds.ts";
import { nameOf } from "#client/object-key.ts";
import { busyboxImageName } from "#cri/images/seed.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { BenchCgroup } from "./bench-cgroup.ts";
import { CriPods } from "./cri-pods.ts";
import { Admin, bundled, runGantry } from "./gantry-command.ts";
import { PodCosts } from "./pod-costs.ts";
import { printTable, type Row } from "./report.ts";
import { WorkflowSystem } from "./workflow-system.ts";

/*
 * Workload W8: as many tasks as GANTRY_BENCH_PODS says (100), each a pod, on a real instance; beside as
 * many pods of the same kind that are made through the API alone, and as many sandboxes and containers
 * over CRI at the same containerd, which is what no kubelet can do without. W11: from `gantry up` in an
 * empty directory to the first task that has succeeded.
 */

const count = Number(process.env["GANTRY_BENCH_PODS"] ?? 100);
/** Pods that a node takes. */
const podsAtOnce = 110;
/** Workers of the LocalExecutor, each of which waits for one pod. */
const localWorkers = 32;
const patienceMs = 7_200_000;
const signal = AbortSignal.timeout(patienceMs);

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
  await using cgroup = await BenchCgroup.make();
  try {
    await runGantry(["image", "seed", "--data-dir", directory]);
    await cgroup.around(async () => {
      const up = ["up", "--data-dir", directory, "--port", "0", "--no-workflows"];
      await runGantry([...up, "--registry-port", "0"]);
    });
    await runGantry(["image", "seed", "worker", "--data-dir", directory]);
    const costs = new PodCosts(directory, cgroup);
    const rows = [...(await byTasks(directory, costs)), await byApi(directory, costs)];
    await runGantry(["down", "--data-dir", directory]); // containerd goes on.
    rows.push(await byCri(directory, costs));
    printTable(`workflows in pods, W8; load average ${loadavg()[0]?.toFixed(1) ?? ""}`, rows);
  } finally {
    await runGantry(["reset", "--data-dir", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
  printTable("workflows from nothing", [await firstTask()]);
}

/** What became of the pods of a namespace, while it is followed. */
class PodCount {
  readonly #phases = new Map<string, string>();
  readonly #started = new Set<string>();
  readonly #since = performance.now();
  #lastStartMs = 0;
  #most = 0;
  #mostOnNode = 0;

  see(type: string, pod: Pod): void {
    const name = nameOf(pod);
    if (type === "DELETED") this.#phases.delete(name);
    else
      this.#phases.set(
        name,
        pod.spec?.nodeName === undefined ? "waits" : (pod.status?.phase ?? ""),
      );
    const hasStarted = ["Running", "Succeeded"].includes(pod.status?.phase ?? "");
    if (hasStarted && !this.#started.has(name)) {
      this.#started.add(name);
      this.#lastStartMs = performance.now() - this.#since;
    }
    const phases = [...this.#phases.values()].filter((it) => it !== "Succeeded");
    this.#most = Math.max(this.#most, phases.length);
    this.#mostOnNode = Math.max(this.#mostOnNode, phases.filter((it) => it !== "waits").length);
  }

  get figures(): Readonly<Record<string, number>> {
    return {
      "last start s": this.#lastStartMs / 1_000,
      "most pods": this.#most,
      "on the node": this.#mostOnNode,
    };
  }
}

/** Does something while the pods of the default namespace are followed. */
async function counting(
  directory: string,
  act: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  await using admin = await Admin.of(directory);
  const counted = new PodCount();
  const over = new AbortController();
  const following = (async () => {
    const stop = AbortSignal.any([signal, over.signal]);
    for await (const batch of admin.client.watch(pods, { namespace: "default" }, stop)) {
      for (const { type, object } of batch) if (type !== "BOOKMARK") counted.see(type, object);
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  await act();
  over.abort(new Error("measured"));
  await following;
  return counted.figures;
}

/** Pods that end by themselves at once, and are deleted then, as an operator's are. */
async function byApi(directory: string, costs: PodCosts): Promise<Row> {
  await using admin = await Admin.of(directory);
  const { client } = admin;
  const at = { namespace: "default" };
  const pod = (index: number): Pod => ({
    metadata: { name: `plain-${index}`, ...at },
    spec: {
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      containers: [{ name: "base", image: busyboxImageName, command: ["true"] }],
    },
  });
  const run = async (): Promise<void> => {
    const deleted = new Map<string, Promise<unknown>>();
    const all = Array.from({ length: count }, (_, at) => client.create(pods, pod(at), {}, signal));
    await Promise.all(all);
    for await (const batch of client.watch(pods, at, signal)) {
      for (const { type, object } of batch) {
        if (type === "BOOKMARK") continue;
        const name = nameOf(object);
        if (object.status?.phase !== "Succeeded" || deleted.has(name)) continue;
        deleted.set(name, client.delete(pods, { ...at, name }, {}, signal));
      }
      if (deleted.size === count) break;
    }
    await Promise.all(deleted.values());
  };
  return await costs.row(`${count} pods by the API alone`, count, () => counting(directory, run));
}

/** Sandboxes and containers, as many at a time as the node has pods. */
async function byCri(directory: string, costs: PodCosts): Promise<Row> {
  using node = new CriPods(directory);
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await node.remove(await node.start(["true"], signal), signal);
    }
  };
  return await costs.row(`${count} over CRI alone`, count, async () => {
    await Promise.all(Array.from({ length: podsAtOnce }, some));
    return {};
  });
}

async function byTasks(directory: string, costs: PodCosts): Promise<Row[]> {
  await using system = new WorkflowSystem(undefined);
  system.write("mapped.ts", mapped);
  const cluster = ["--kubeconfig", join(directory, "kubeconfig"), "--worker-address", "0.0.0.0:0"];
  process.env["KUBECONFIG"] = join(directory, "kubeconfig");
  const rows: Row[] = [];
  const ways = [
    { id: "executed", title: "by the Kubernetes executor", parallelism: count },
    { id: "operated", title: "of kubernetesPod", parallelism: localWorkers },
  ];
  await serviceAccountIsThere(directory);
  for (const { id, title, parallelism } of ways) {
    const executors = ["--executor", "LocalExecutor,KubernetesExecutor"];
    system.start(...cluster, ...executors, "--parallelism", String(parallelism));
    await system.ready(2);
    const database = await system.open();
    await database.run("update pool set slots = 100000");
    const run = async (): Promise<void> => {
      await system.trigger(id);
      await system.finished(id, 250, patienceMs);
    };
    const pids = (): readonly number[] => system.pids();
    rows.push(
      await costs.row(
        `${count} mapped tasks ${title}`,
        count,
        () => counting(directory, run),
        pids,
      ),
    );
    await system.stop();
  }
  return rows;
}

/** Pods are refused before. */
async function serviceAccountIsThere(directory: string): Promise<void> {
  await using admin = await Admin.of(directory);
  for await (const batch of admin.client.watch(serviceAccounts, { namespace: "default" }, signal)) {
    if (batch.some((it) => nameOf(it.object) === "default")) return;
  }
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
