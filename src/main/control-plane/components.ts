import { runControllers } from "#controllers/list.ts";
import type { UserInfo } from "#apiserver/contract.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { runIngressPublisher } from "#ingress/status/publisher.ts";
import { EventSender } from "#reconcile/events.ts";
import { runAsLeader } from "#reconcile/leader.ts";
import { reconcileMetrics, type ReconcileMetrics } from "#reconcile/metrics.ts";
import { Scheduler } from "#scheduler/scheduler.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ControlPlane } from "./control-plane.ts";
import { controllerUser, managerUser, systemUser } from "./component-users.ts";
import { ingressUser } from "#main/network/node-ingress.ts";

export interface ComponentOptions {
  readonly controlPlane: ControlPlane;
  /** Different for every process of the cluster; names it in leases. */
  readonly identity: string;
  /** Other control-plane processes share the store: components run where they hold a lease. */
  readonly elect: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const schedulerUser = systemUser("system:kube-scheduler");
/** Runs scheduler and controllers until the signal aborts and both have ended. Never rejects. */
export async function runComponents(options: ComponentOptions, signal: AbortSignal): Promise<void> {
  // Once, however often this process comes to lead.
  const metrics = reconcileMetrics(options.controlPlane.metrics, options.clock);
  const runManager: Run = async (given, stop) => {
    await runControllerManager(given, metrics, stop);
  };
  await Promise.all([
    lead(options, { name: "kube-scheduler", user: schedulerUser }, runScheduler, signal),
    lead(options, { name: "kube-controller-manager", user: managerUser }, runManager, signal),
    lead(options, { name: "gantry-ingress", user: ingressUser }, runIngressStatus, signal),
  ]);
}

type Run = (options: ComponentOptions, signal: AbortSignal) => Promise<void>;

async function lead(
  options: ComponentOptions,
  { name, user }: { readonly name: string; readonly user: UserInfo },
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, identity } = options;
  if (!options.elect) {
    await run(options, signal);
    return;
  }
  const client = options.controlPlane.clientOf(user, "leader-election");
  const lease = { namespace: "kube-system", name, identity };
  const status = options.controlPlane.metrics.gauge({
    name: "leader_election_master_status",
    help: "1 where this process holds the lease.",
    labels: ["name"],
  });
  status.of(name).set(0);
  await runAsLeader(
    { client, clock, random, log, ...lease },
    async (stop) => {
      status.of(name).set(1);
      try {
        await run(options, stop);
      } finally {
        status.of(name).set(0);
      }
    },
    signal,
  );
}

async function runScheduler(options: ComponentOptions, signal: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const log = options.log.with({ component: "scheduler" });
  const client = options.controlPlane.clientOf(schedulerUser, "gantry-scheduler");
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  await using tasks = new TaskGroup((error) => {
    log.error("scheduler failed", { error: error as Error });
  });
  const events = new EventSender({ client, clock, log, component: "default-scheduler" });
  tasks.start(async (stop) => {
    await events.run(stop);
  });
  const name = "default-scheduler";
  const { metrics } = options.controlPlane;
  try {
    const world = { client, informers, events, metrics, clock, random, log };
    await new Scheduler({ ...world, name }).run(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function runIngressStatus(options: ComponentOptions, signal: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const log = options.log.with({ component: "ingress" });
  const client = options.controlPlane.clientOf(ingressUser, "gantry-ingress");
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  await using tasks = new TaskGroup((error) => {
    log.error("events of ingresses failed", { error: error as Error });
  });
  const recorder = new EventSender({ client, clock, log, component: "gantry-ingress" });
  tasks.start(async (stop) => {
    await recorder.run(stop);
  });
  await runIngressPublisher({ client, informers, recorder, clock, random, log }, signal);
}

async function runControllerManager(
  options: ComponentOptions,
  metrics: ReconcileMetrics,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, controlPlane } = options;
  const log = options.log.with({ component: "controllers" });
  const client = controlPlane.clientOf(managerUser, "gantry-controllers");
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  const { authority: signing } = controlPlane;
  const rootCa = signing.certificate;
  const { metrics: registry } = controlPlane;
  const clientOf = (account: string): Client =>
    controlPlane.clientOf(controllerUser(account), `gantry-controllers/${account}`);
  const world = { clientOf, informers, clock, random, log, metrics, registry };
  await runControllers({ ...world, rootCa, signing }, signal);
}
