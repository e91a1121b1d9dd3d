import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import type { Informers } from "#client/informers.ts";
import { runControllers as runAll, type Controller } from "#reconcile/controller.ts";
import { EventSender, type EventRecorder } from "#reconcile/events.ts";
import type { ReconcileMetrics } from "#reconcile/metrics.ts";
import { autoRollbackController } from "./autorollback/controller.ts";
import { certificateController, type Signing } from "./certificates/controller.ts";
import { cronJobController } from "./cronjob/controller.ts";
import { daemonSetController } from "./daemonset/controller.ts";
import { deploymentController } from "./deployment/controller.ts";
import { nodeLifecycleController } from "./nodelifecycle/controller.ts";
import { taintEvictionController } from "./nodelifecycle/eviction.ts";
import { nodeIpamController } from "./nodeipam/controller.ts";
import { podCollector } from "./podgc/controller.ts";
import { disruptionController } from "./disruption/controller.ts";
import { endpointsController, endpointSliceController } from "./endpoints/controller.ts";
import { endpointSliceMirroringController } from "./endpointslicemirroring/controller.ts";
import { ephemeralVolumeController } from "./ephemeralvolume/controller.ts";
import { garbageCollector } from "./garbage/controller.ts";
import { localPathController } from "./localpath/controller.ts";
import { loadBalancerController } from "./loadbalancer/controller.ts";
import { horizontalPodAutoscalerController } from "./horizontalpodautoscaler/controller.ts";
import { jobController } from "./job/controller.ts";
import { exposeCluster } from "./metrics/cluster-metrics.ts";
import { namespaceController } from "./namespace/controller.ts";
import { persistentVolumeBinder } from "./persistentvolume/controller.ts";
import type { ControllerFactory, ControllerPorts } from "./ports.ts";
import { replicaController } from "./replicaset/controller.ts";
import { replicaSetKind, replicationControllerKind } from "./replicaset/kinds.ts";
import { resourceQuotaController } from "./resourcequota/controller.ts";
import { statefulSetController } from "./statefulset/controller.ts";
import { ttlAfterFinishedController } from "./ttlafterfinished/controller.ts";
import { rootCaController, serviceAccountController } from "./serviceaccount/controller.ts";
import {
  attributesProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from "./storageprotection/controller.ts";

/** Every controller of the control plane. A new one is a folder and a line here. */
export const controllers: readonly ControllerFactory[] = [
  deploymentController,
  autoRollbackController,
  replicaSetController,
  replicationController,
  endpointSliceController,
  endpointsController,
  endpointSliceMirroringController,
  loadBalancerController,
  garbageCollector,
  nodeIpamController,
  nodeLifecycleController,
  taintEvictionController,
  podCollector,
  namespaceController,
  horizontalPodAutoscalerController,
  statefulSetController,
  daemonSetController,
  disruptionController,
  jobController,
  cronJobController,
  ttlAfterFinishedController,
  resourceQuotaController,
  serviceAccountController,
  rootCaController,
  persistentVolumeBinder,
  localPathController,
  ephemeralVolumeController,
  claimProtectionController,
  volumeProtectionController,
  attributesProtectionController,
];

function replicaSetController(ports: ControllerPorts): Controller {
  return replicaController(ports, replicaSetKind);
}

function replicationController(ports: ControllerPorts): Controller {
  return replicaController(ports, replicationControllerKind);
}

export interface RunControllersOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** PEM of the authority that signed the API server. */
  readonly rootCa: string;
  /** The authority's key; undefined where this process does not hold it: nothing is signed then. */
  readonly signing?: Signing | undefined;
  readonly metrics?: ReconcileMetrics | undefined;
  /** Where what controllers see is told; undefined: nobody reads it. */
  readonly registry?: MetricRegistry | undefined;
}

/**
 * Runs `list` (by default all controllers) until the signal aborts and every reconcile has ended.
 * Only one process of a cluster may do so at a time; see `reconcile/leader.ts`. Never rejects.
 */
export async function runControllers(
  options: RunControllersOptions,
  signal: AbortSignal,
  list: readonly ControllerFactory[] = controllers,
): Promise<void> {
  const { client, clock, log, signing } = options;
  await using senders = new TaskGroup(() => undefined);
  const recorders = new Map<string, EventRecorder>();
  const recorder = (component: string): EventRecorder => {
    const present = recorders.get(component);
    if (present !== undefined) return present;
    const sender = new EventSender({ client, clock, log, component });
    recorders.set(component, sender);
    senders.start((stopped) => sender.run(stopped));
    return sender;
  };
  const ports = { ...options, recorder };
  const made = list.map((it) => it(ports));
  using stack = new DisposableStack();
  if (options.registry !== undefined) {
    stack.use(exposeCluster(options.registry, options.informers));
  }
  if (signing !== undefined) made.push(certificateController(ports, signing));
  await runAll(made, { clock, log, metrics: options.metrics }, signal);
}
