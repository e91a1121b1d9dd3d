import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { openClusterRegistry } from "#main/images/cluster-registry.ts";
import { aborted } from "#main/process/aborted.ts";
import { openHost, serverOf, startHostTasks } from "#main/control-plane/control-plane-host.ts";
import { runInForeground } from "#main/command-line/foreground.ts";
import { openImages } from "#main/images/open-images.ts";
import { InstanceLock } from "./instance.ts";
import { anyAddress, machineAddress } from "#main/network/network-plan.ts";
import type { ServerOptions } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { openMirrors } from "#main/images/registry-mirrors.ts";
import { registryAddresses } from "#main/images/registry-names.ts";
import { version } from "#main/process/version.ts";

/** Runs a control plane without a node in this process until a signal ends it. */
export async function server(options: ServerOptions): Promise<void> {
  await runInForeground(options, async (log, signal) => {
    await runServer(options, log, signal);
  });
}

async function runServer(options: ServerOptions, log: Logger, signal: AbortSignal): Promise<void> {
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  using lock = await InstanceLock.take(paths.data);
  if (lock === undefined) throw new Error(`another Gantry runs on ${paths.data}`);
  await using stack = new AsyncDisposableStack();
  const pkiDirectory = options.pkiDir ?? paths.pki;
  const advertiseAddress = anyAddress.includes(options.host) ? machineAddress() : options.host;
  const place = { ...options, pkiDirectory, advertiseAddress };
  const host = await openHost(place, { paths, stack, log }, signal);
  await using tasks = new TaskGroup((error) => {
    log.error("a part failed", { error: error as Error });
  });
  startHostTasks(host, options.store !== undefined, { tasks, log });
  const { authority } = host.controlPlane;
  const store = stack.use(await openImages(paths, log));
  const addresses = registryAddresses({ ...options, address: advertiseAddress });
  const mirror = await openMirrors(options.registryMirror, { paths, store, log }, stack, signal);
  const about = { ...options, paths, addresses, store, mirror, authority, log };
  await using registry = await openClusterRegistry(about, tasks);
  const address = serverOf(host.controlPlane);
  lock.announce({
    pid: process.pid,
    server: address,
    node: "none",
    runtime: "none",
    startedAt: new Date().toISOString(),
    version,
  });
  log.info("serving", { server: address, registry: registry?.ports[0] ?? "none" });
  await aborted(signal);
  log.info("stopping", { reason: String(signal.reason) });
}
