import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { openImageStore } from "#images/store/open.ts";
import { PodAdmission } from "#proxy/policy/admission.ts";
import type { RegistryServer } from "#registry/server.ts";
import { keepRenewed } from "#pki/renewal.ts";
import { world } from "#main/control-plane/control-plane-host.ts";
import type { Drain } from "#main/process/drain.ts";
import { agentLogName } from "./further-nodes.ts";
import { runInForeground } from "#main/command-line/foreground.ts";
import { openNodeMirror, writeImageSources } from "#main/images/images.ts";
import { InstanceLock } from "./instance.ts";
import { machineAddress } from "#main/network/network-plan.ts";
import { runNodeIngress } from "#main/network/node-ingress.ts";
import { runNodeNetwork } from "#main/network/node-network.ts";
import { runNode } from "#main/node/node.ts";
import { NodeIdentity } from "#main/node/identity.ts";
import { awaitPodCidr } from "#main/network/node-range.ts";
import { openRuntime } from "#main/node/runtime.ts";
import type { AgentOptions } from "#main/command-line/options.ts";
import { ensurePrerequisites } from "./prerequisites.ts";
import { ownNames } from "#main/images/registry-names.ts";
import { version } from "#main/process/version.ts";

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
    ensurePrerequisites(options, (line) => process.stderr.write(`${line}\n`));
  }
  const path = join(options.dataDir, agentLogName);
  await runInForeground({ ...options, path }, async (log, signal, drain) => {
    await runAgent(options, { log, drain }, signal);
  });
}

async function runAgent(
  options: AgentOptions,
  { log, drain }: { readonly log: Logger; readonly drain: Drain },
  signal: AbortSignal,
): Promise<void> {
  const { dataDir, server, runtime: kind } = options;
  using lock = await InstanceLock.take(dataDir);
  if (lock === undefined) throw new Error(`another Gantry runs on ${dataDir}`);
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  const address = machineAddress();
  const token = options.token ?? (await readToken(options.tokenFile));
  const metrics = new MetricRegistry();
  const folder = join(dataDir, "pki");
  const joining = { ...options, token, nodeName, address, folder, metrics };
  await using identity = await NodeIdentity.open(joining, signal);
  const { client } = identity;
  const nodeDirectory = join(dataDir, "node");
  const serving = await identity.loadServing(signal);
  const podCidr = await rangeOfNode(client, nodeName, log, signal);
  const place = { kind, nodeDirectory, podCidr, ...world(log) };
  await using opened = await openRuntime(place, signal);
  await using registry = await openMirror(options, { nodeDirectory, address }, log);
  await using tasks = new TaskGroup((error) => {
    log.error("a part failed", { error: error as Error });
  });
  const failed = notRenewed(log);
  tasks.start(async (stop) => {
    await opened.run(stop);
  });
  tasks.start(async (stop) => {
    const load = () => identity.renewClient(stop);
    const renewed = (): void => undefined;
    await keepRenewed(identity.clientPair, { load, renewed, failed }, systemClock, stop);
  });
  announce(lock, { server, node: nodeName, runtime: kind });
  log.info("joined", { server, node: nodeName, address, images: registry?.ports[0] ?? "none" });
  const admission = kind === "containerd" ? new PodAdmission(systemClock) : undefined;
  if (admission !== undefined) {
    const place = { nodeName, address, nodeDirectory };
    tasks.start(async (stop) => {
      await runNodeNetwork({ ...place, client, admission, metrics, ...world(log) }, stop);
    });
    tasks.start(async (stop) => {
      await runNodeIngress({ ...options, ...place, client, metrics, ...world(log) }, stop);
    });
  }
  await runNode(
    {
      name: nodeName,
      address,
      client,
      serving,
      clientCa: identity.authority,
      keepServing: async (renewed, stop) => {
        const load = () => identity.loadServing(stop);
        await keepRenewed(serving, { load, renewed, failed }, systemClock, stop);
      },
      runtime: opened.runtime,
      isReal: kind === "containerd",
      nodeDirectory,
      admission,
      drain,
      metrics,
      shutdownGrace: undefined,
      ...world(log),
    },
    signal,
  );
}

function announce(
  lock: InstanceLock,
  at: { readonly server: string; readonly node: string; readonly runtime: string },
): void {
  const startedAt = new Date().toISOString();
  lock.announce({ pid: process.pid, ...at, startedAt, version });
}

function notRenewed(log: Logger): (error: unknown) => void {
  return (error) => {
    log.error("certificate not renewed", { error: error as Error });
  };
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return (await readFile(file, "utf8")).trim();
}

async function rangeOfNode(
  client: Client,
  name: string,
  log: Logger,
  signal: AbortSignal,
): Promise<string> {
  await using informers = new Informers({ client, ...world(log) });
  return await awaitPodCidr(informers, name, signal);
}

/**
 * Images before any registry's: those of a store of this machine, or of the control plane's registry,
 * which containerd passes over when it does not answer.
 */
async function openMirror(
  { imageStore, runtime, server, dataDir, registryPort }: AgentOptions,
  { nodeDirectory, address }: { readonly nodeDirectory: string; readonly address: string },
  log: Logger,
): Promise<RegistryServer | undefined> {
  const { hostname: host } = new URL(server);
  const cluster =
    registryPort === 0
      ? undefined
      : { url: `https://${host}:${registryPort}`, pkiDirectory: join(dataDir, "pki") };
  if (imageStore === undefined) {
    if (runtime === "containerd" && cluster !== undefined) {
      await writeImageSources(nodeDirectory, { cluster });
    }
    return undefined;
  }
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openImageStore(imageStore, { clock: systemClock, log }));
  const isOwnName = ownNames(registryPort, [host, address]);
  const mirror = stack.use(await openNodeMirror(store, isOwnName, log));
  if (runtime === "containerd") await writeImageSources(nodeDirectory, { local: mirror, cluster });
  const opened = stack.move();
  return { ...mirror, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
