import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { keepRenewed } from "#pki/renewal.ts";
import { world } from "./control-plane-host.ts";
import { runInForeground } from "./foreground.ts";
import { InstanceLock } from "./instance.ts";
import { machineAddress } from "./network-plan.ts";
import { runNode } from "./node.ts";
import { NodeIdentity } from "./node-identity.ts";
import { openRuntime } from "./node-runtime.ts";
import type { AgentOptions } from "./options.ts";
import { ensurePrerequisites } from "./prerequisites.ts";
import { version } from "./version.ts";

/**
 * Joins this machine to a cluster, and runs its node until a signal ends it; containers go on.
 * @throws {Error} with the cause and the remedy when it cannot join.
 */
export async function agent(options: AgentOptions): Promise<void> {
  if (options.runtime === "containerd") {
    if (process.getuid?.() !== 0) {
      throw new Error(
        "running containers needs root: sudo gantry agent, or try it without containers: --runtime simulated --data-dir ~/.gantry-agent",
      );
    }
    ensurePrerequisites(options.install, (line) => process.stderr.write(`${line}\n`));
  }
  await runInForeground(async (log, signal) => {
    await runAgent(options, log, signal);
  });
}

async function runAgent(options: AgentOptions, log: Logger, signal: AbortSignal): Promise<void> {
  const { dataDir, server, runtime: kind } = options;
  using lock = await InstanceLock.take(dataDir);
  if (lock === undefined) throw new Error(`another Gantry runs on ${dataDir}`);
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  const address = machineAddress();
  const joining = { ...options, nodeName, address, folder: join(dataDir, "pki") };
  await using identity = await NodeIdentity.open(joining, signal);
  const nodeDirectory = join(dataDir, "node");
  const place = { kind, nodeDirectory, podCidr: options.podCidr, ...world(log) };
  await using opened = await openRuntime(place, signal);
  const serving = await identity.loadServing(signal);
  await using tasks = new TaskGroup((error) => {
    log.error("a part failed", { error: error as Error });
  });
  const failed = (error: unknown): void => {
    log.error("certificate not renewed", { error: error as Error });
  };
  tasks.start(async (stop) => {
    await opened.run(stop);
  });
  tasks.start(async (stop) => {
    const load = () => identity.renewClient(stop);
    const renewed = (): void => undefined;
    await keepRenewed(identity.clientPair, { load, renewed, failed }, systemClock, stop);
  });
  const startedAt = new Date().toISOString();
  lock.announce({ pid: process.pid, server, node: nodeName, runtime: kind, startedAt, version });
  log.info("joined", { server, node: nodeName, address });
  await runNode(
    {
      name: nodeName,
      address,
      client: identity.client,
      serving,
      clientCa: identity.authority,
      keepServing: async (renewed, stop) => {
        const load = () => identity.loadServing(stop);
        await keepRenewed(serving, { load, renewed, failed }, systemClock, stop);
      },
      runtime: opened.runtime,
      isReal: kind === "containerd",
      nodeDirectory,
      ...world(log),
    },
    signal,
  );
}
