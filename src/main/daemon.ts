import { hostname } from "node:os";
import { systemClock } from "#base/clock.ts";
import { describeError, jsonLogger, type Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import { TaskGroup } from "#base/task-group.ts";
import { compactRegularly, defaultCompaction } from "#store/compact-regularly.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import { runComponents } from "./components.ts";
import { openControlPlane, type ControlPlane } from "./control-plane.ts";
import { InstanceLock } from "./instance.ts";
import { writeAdminKubeconfig } from "./kubeconfig-file.ts";
import { runNode } from "./node.ts";
import { openRuntime } from "./node-runtime.ts";
import { machineAddress } from "./network-plan.ts";
import type { UpOptions } from "./options.ts";
import { pathsBelow, runDirectoryOf } from "./paths.ts";
import { ProgressSender } from "./progress.ts";
import { version } from "./version.ts";

/** Refuses to grow beyond this; etcd suggests the same. */
const databaseQuotaBytes = 8 * 1024 ** 3;

/**
 * Runs the whole system in this process until a signal ends it; containers go on. Reports its
 * progress to `gantry up` when that waits for it.
 */
export async function daemon(options: UpOptions, progressTo: number | undefined): Promise<void> {
  const progress = new ProgressSender(progressTo);
  const log = jsonLogger(systemClock, (line) => process.stderr.write(line));
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      stop.abort(new Error(name));
    });
  }
  try {
    await run(options, { progress, log }, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return;
    log.error("cannot start", { error: error as Error });
    progress.send({ kind: "failed", message: describeError(error) });
    process.exitCode = 1;
  } finally {
    progress.close();
  }
}

interface Reports {
  readonly progress: ProgressSender;
  readonly log: Logger;
}

async function run(options: UpOptions, reports: Reports, signal: AbortSignal): Promise<void> {
  const { progress, log } = reports;
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  using lock = await InstanceLock.take(paths.data);
  if (lock === undefined) throw new Error(`another Gantry runs on ${paths.data}`);
  const directory = paths.database;
  await using store = await LmdbStore.open({
    directory,
    clock: systemClock,
    quotaBytes: databaseQuotaBytes,
  });
  await using tasks = new TaskGroup((error) => {
    log.error("a part failed", { error: error as Error });
  });
  tasks.start(async (stop) => {
    await compactRegularly(store, defaultCompaction, { clock: systemClock, log }, stop);
  });
  const advertiseAddress = machineAddress();
  await using controlPlane = await openControlPlane(
    {
      store,
      pkiDirectory: paths.pki,
      host: options.host,
      port: options.port,
      advertiseAddress,
      connect: () =>
        Promise.resolve({
          forward: () => Promise.reject(new Error("x")),
          upgrade: () => Promise.reject(new Error("x")),
        }),
      ...world(log),
    },
    signal,
  );
  const server = `https://127.0.0.1:${controlPlane.port}`;
  await writeAdminKubeconfig(paths.kubeconfig, server, controlPlane.authority);
  progress.send({ kind: "step", text: `API server on ${server}` });
  tasks.start(async (stop) => {
    await runComponents(componentsOf(controlPlane, log), stop);
  });
  const name = options.nodeName ?? hostname().toLowerCase();
  const { runtime: kind } = options;
  await using opened = await openRuntime(
    { kind, nodeDirectory: paths.node, ...world(log) },
    signal,
  );
  progress.send({ kind: "step", text: `container runtime: ${kind}` });
  tasks.start(async (stop) => {
    await opened.run(stop);
  });
  tasks.start(async (stop) => {
    const node = { name, address: advertiseAddress, nodeDirectory: paths.node };
    const client = controlPlane.clientOf(nodeUser(name), "gantry-kubelet");
    const isReal = kind === "containerd";
    await runNode({ ...node, client, runtime: opened.runtime, isReal, ...world(log) }, stop);
  });
  lock.announce({
    pid: process.pid,
    server,
    node: name,
    runtime: options.runtime,
    startedAt: new Date().toISOString(),
    version,
  });
  progress.send({ kind: "ready" });
  progress.close();
  log.info("serving", { server });
  await aborted(signal);
  log.info("stopping", { reason: String(signal.reason) });
}

function componentsOf(controlPlane: ControlPlane, log: Logger) {
  const identity = `${hostname()}_${process.pid}`;
  return { controlPlane, identity, elect: false, ...world(log) };
}

/** What every component takes from outside. */
function world(log: Logger) {
  return { clock: systemClock, random: systemRandom, log };
}

function nodeUser(name: string): UserInfo {
  const groups = ["system:nodes", "system:authenticated"];
  return { name: `system:node:${name}`, uid: "", groups, extra: {} };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
