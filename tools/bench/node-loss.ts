import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Deployment, Node, Pod } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Client } from "#client/client.ts";
import { deployments, nodes, pods } from "#client/kinds.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { graceMs } from "#controllers/nodelifecycle/plan.ts";
import { busyboxImageName } from "#cri/images/seed.ts";
import { segmentOf } from "#main/network/segment.ts";
import { Admin, bundled, runGantry } from "./gantry-command.ts";
import { processesWith } from "./process-cost.ts";
import { printTable, type Row } from "./report.ts";

/*
 * `up --nodes 3`, and pods on one of the nodes; then the node is lost: its link is cut, or its agent
 * stops without ending (an agent that is killed is started again, and nothing moves). How long until
 * the loss is known, the pods are given up, and others run in their place. The pods tolerate the loss
 * for no second; Kubernetes' default is 300.
 */

const replicas = 5;
const signal = AbortSignal.timeout(600_000);
const lossTolerations = ["unreachable", "not-ready"].map((it) => ({
  key: `node.kubernetes.io/${it}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 0,
}));

function deploymentOf(name: string): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace: "default", name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          tolerations: lossTolerations,
          containers: [{ name: "main", image: busyboxImageName, command: ["sleep", "infinity"] }],
        },
      },
    },
  };
}

/** Resolves with the time at which `holds` was first true of all present objects of the kind. */
async function when<T extends KubernetesObject>(
  client: Client,
  resource: ResourceOf<T>,
  holds: (objects: readonly T[]) => boolean,
): Promise<number> {
  const present = new Map<string, T>();
  for await (const batch of client.watch(resource, {}, signal)) {
    for (const { type, object } of batch) {
      if (type === "DELETED") present.delete(nameOf(object));
      else if (type !== "BOOKMARK") present.set(nameOf(object), object);
    }
    if (holds([...present.values()])) return performance.now();
  }
  throw new Error(`a watch of ${resource.plural} ended`);
}

function readyStatus({ status }: Node): string {
  return status?.conditions?.find((it) => it.type === "Ready")?.status ?? "";
}

function runsElsewhere(pod: Pod, lost: string): boolean {
  return pod.status?.phase === "Running" && pod.spec?.nodeName !== lost && !isDeleting(pod);
}

/** Puts the pods on one node by closing the others for a while. */
async function place(client: Client, name: string, on: string, all: readonly string[]) {
  const others = all.filter((it) => it !== on);
  const close = async (unschedulable: boolean): Promise<void> => {
    for (const it of others) {
      const patch = { type: "merge", body: { spec: { unschedulable } } } as const;
      await client.patch(nodes, { name: it }, patch, signal);
    }
  };
  await close(true);
  await client.create(deployments, deploymentOf(name), {}, signal);
  const own = (it: Pod): boolean => it.metadata?.labels?.["app"] === name;
  await when(client, pods, (list) => {
    const running = list.filter((it) => own(it) && it.status?.phase === "Running");
    return running.length === replicas && running.every((it) => it.spec?.nodeName === on);
  });
  await close(false);
}

interface Loss {
  readonly name: string;
  readonly node: string;
  lose(): void;
  restore(): void;
}

async function measure(client: Client, loss: Loss, all: readonly string[]): Promise<Row> {
  const app = `of-${loss.node}`;
  await place(client, app, loss.node, all);
  const own = (list: readonly Pod[]): Pod[] =>
    list.filter((it) => it.metadata?.labels?.["app"] === app);
  const since = performance.now();
  loss.lose();
  const [known, given, running] = await Promise.all([
    when(client, nodes, (list) =>
      list.some((it) => nameOf(it) === loss.node && readyStatus(it) === "Unknown"),
    ),
    when(client, pods, (list) => {
      const there = own(list).filter((it) => it.spec?.nodeName === loss.node);
      return there.every(isDeleting);
    }),
    when(client, pods, (list) => {
      const elsewhere = own(list).filter((it) => runsElsewhere(it, loss.node));
      return elsewhere.length === replicas;
    }),
  ]);
  loss.restore();
  await when(client, nodes, (list) => list.every((it) => readyStatus(it) === "True"));
  await client.delete(deployments, { namespace: "default", name: app }, {}, signal);
  return {
    name: loss.name,
    figures: {
      "known s": (known - since) / 1e3,
      "given up s after that": (given - known) / 1e3,
      "running s after that": (running - given) / 1e3,
      "in all s": (running - since) / 1e3,
    },
  };
}

export async function benchNodeLoss(): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.log("\nloss of nodes is left out: needs root");
    return;
  }
  await bundled();
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  try {
    await runGantry(["image", "seed", "--data-dir", directory]);
    const args = ["up", "--nodes", "3", "--data-dir", directory, "--port", "0"];
    await runGantry([...args, "--registry-port", "0"]);
    await using admin = await Admin.of(directory);
    const { items } = await admin.client.list(nodes, {}, signal);
    const all = items.map(nameOf).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    const [, second = "", third = ""] = all;
    const link = segmentOf(directory).linkOf(3);
    const agent = processesWith(`--data-dir ${join(directory, "nodes", "2")} `)[0]?.pid ?? 0;
    const losses: Loss[] = [
      {
        name: "its link is cut",
        node: third,
        lose: () => execFileSync("ip", ["link", "set", link, "down"]),
        restore: () => execFileSync("ip", ["link", "set", link, "up"]),
      },
      {
        name: "its agent stands still",
        node: second,
        lose: () => process.kill(agent, "SIGSTOP"),
        restore: () => process.kill(agent, "SIGCONT"),
      },
    ];
    const rows: Row[] = [];
    for (const loss of losses) rows.push(await measure(admin.client, loss, all));
    printTable(`loss of a node with ${replicas} pods; grace ${graceMs / 1e3} s`, rows);
  } finally {
    await runGantry(["reset", "--data-dir", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}
