import { hostname } from "node:os";
import { keepAggregated } from "#apiserver/bootstrap/ensure.ts";
import { systemClock, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { systemRandom, type Random } from "#base/random.ts";
import type { TaskGroup } from "#base/task-group.ts";
import { compactRegularly, defaultCompaction } from "#store/compact-regularly.ts";
import type { Store } from "#store/store.ts";
import { auditSettings } from "./audit-options.ts";
import { runComponents } from "./components.ts";
import { openControlPlane, type ControlPlane } from "./control-plane.ts";
import { writeAdminKubeconfig } from "./kubeconfig-file.ts";
import { metricsUser } from "./metrics.ts";
import { openStore } from "./open-store.ts";
import type { AuditOptions } from "#main/command-line/options.ts";
import type { Paths } from "#main/process/paths.ts";
import { exposeProcess } from "#main/process/process-metrics.ts";

export interface HostOptions extends AuditOptions {
  readonly host: string;
  readonly port: number;
  /** See `open-store.ts`. */
  readonly store: string | undefined;
  readonly pkiDirectory: string;
  readonly advertiseAddress: string;
}

export interface Host {
  readonly store: Store;
  readonly controlPlane: ControlPlane;
}

/** Opens store and control plane of this machine onto `stack`, and writes the kubeconfig. */
export async function openHost(
  options: HostOptions,
  to: { readonly paths: Paths; readonly stack: AsyncDisposableStack; readonly log: Logger },
  signal: AbortSignal,
): Promise<Host> {
  const { paths, stack, log } = to;
  const audit = await auditSettings(options);
  const where = { url: options.store, directory: paths.database };
  const store = stack.use(await openStore({ ...where, clock: systemClock, log }, signal));
  const controlPlane = stack.use(
    await openControlPlane(
      { ...options, store, audit, ...world(log.with({ component: "apiserver" })) },
      signal,
    ),
  );
  stack.use(exposeProcess(controlPlane.metrics));
  await writeAdminKubeconfig(paths.kubeconfig, serverOf(controlPlane), controlPlane.authority);
  return { store, controlPlane };
}

/** Starts what a control plane does by itself. `elect`: others share its store. */
export function startHostTasks(
  { store, controlPlane }: Host,
  elect: boolean,
  with_: { readonly tasks: TaskGroup; readonly log: Logger },
): void {
  const { tasks, log } = with_;
  const { objects, sink } = controlPlane.server;
  tasks.start(async (stop) => {
    await compactRegularly(store, defaultCompaction, { clock: systemClock, log }, stop);
  });
  tasks.start(async (stop) => {
    const failed = (error: unknown): void => {
      log.error("roles not gathered", { error: error as Error });
    };
    await keepAggregated(objects, sink, failed, stop);
  });
  tasks.start(async (stop) => {
    const identity = `${hostname()}_${process.pid}`;
    await runComponents({ controlPlane, identity, elect, ...world(log) }, stop);
  });
  tasks.start(async (stop) => {
    await controlPlane.keepCertificate(stop);
  });
  tasks.start(async (stop) => {
    const client = controlPlane.clientOf(metricsUser, "gantry-metrics");
    await controlPlane.usage.run({ client, ...world(log) }, stop);
  });
}

/** Where programs of this machine reach it. */
export function serverOf(controlPlane: ControlPlane): string {
  return `https://127.0.0.1:${controlPlane.port}`;
}

/** What every component takes from outside. */
export function world(log: Logger): {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
} {
  return { clock: systemClock, random: systemRandom, log };
}
