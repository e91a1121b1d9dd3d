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
import { removeAfterEndController } from "./removeafterend/controller.ts";
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

/** A controller and in whose name it writes. */
export interface ControllerEntry {
  /**
   * Service account in `kube-system`; its rights are in the API server's bootstrap roles. What
   * controllers see comes by informers, which all of them share and which are not theirs.
   */
  readonly account: string;
  readonly make: ControllerFactory;
}

/** Every controller of the control plane. A new one is a folder and a line here. */
export const controllers: readonly ControllerEntry[] = [
  { account: "deployment-controller", make: deploymentController },
  { account: "auto-rollback-controller", make: autoRollbackController },
  { account: "replicaset-controller", make: replicaSetController },
  { account: "replication-controller", make: replicationController },
  { account: "endpointslice-controller", make: endpointSliceController },
  { account: "endpoint-controller", make: endpointsController },
  { account: "endpointslicemirroring-controller", make: endpointSliceMirroringController },
  { account: "service-controller", make: loadBalancerController },
  { account: "generic-garbage-collector", make: garbageCollector },
  { account: "node-controller", make: nodeIpamController },
  { account: "node-controller", make: nodeLifecycleController },
  { account: "node-controller", make: taintEvictionController },
  { account: "pod-garbage-collector", make: podCollector },
  { account: "namespace-controller", make: namespaceController },
  { account: "horizontal-pod-autoscaler", make: horizontalPodAutoscalerController },
  { account: "statefulset-controller", make: statefulSetController },
  { account: "daemon-set-controller", make: daemonSetController },
  { account: "disruption-controller", make: disruptionController },
  { account: "job-controller", make: jobController },
  { account: "cronjob-controller", make: cronJobController },
  { account: "ttl-after-finished-controller", make: ttlAfterFinishedController },
  { account: "remove-after-end-controller", make: removeAfterEndController },
  { account: "resourcequota-controller", make: resourceQuotaController },
  { account: "service-account-controller", make: serviceAccountController },
  { account: "root-ca-cert-publisher", make: rootCaController },
  { account: "persistent-volume-binder", make: persistentVolumeBinder },
  { account: "local-path-provisioner", make: localPathController },
  { account: "ephemeral-volume-controller", make: ephemeralVolumeController },
  { account: "pvc-protection-controller", make: claimProtectionController },
  { account: "pv-protection-controller", make: volumeProtectionController },
  { account: "volumeattributesclass-protection-controller", make: attributesProtectionController },
];

const certificateAccount = "certificate-controller";

function replicaSetController(ports: ControllerPorts): Controller {
  return replicaController(ports, replicaSetKind);
}

function replicationController(ports: ControllerPorts): Controller {
  return replicaController(ports, replicationControllerKind);
}

export interface RunControllersOptions {
  /** The client of a service account in `kube-system`. */
  readonly clientOf: (account: string) => Client;
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
  list: readonly ControllerEntry[] = controllers,
): Promise<void> {
  const { clock, log, signing } = options;
  await using senders = new TaskGroup(() => undefined);
  const portsOf = (account: string): ControllerPorts => {
    const client = options.clientOf(account);
    return { ...options, client, recorder: recorders(client, options, senders) };
  };
  const made = list.map(({ account, make }) => make(portsOf(account)));
  using stack = new DisposableStack();
  if (options.registry !== undefined) {
    stack.use(exposeCluster(options.registry, options.informers));
  }
  if (signing !== undefined) {
    made.push(certificateController(portsOf(certificateAccount), signing));
  }
  await runAll(made, { clock, log, metrics: options.metrics }, signal);
}

/** Makes recorders that send events by `client`, as tasks of `senders`. */
function recorders(
  client: Client,
  { clock, log }: Pick<RunControllersOptions, "clock" | "log">,
  senders: TaskGroup,
): ControllerPorts["recorder"] {
  return (component): EventRecorder => {
    const sender = new EventSender({ client, clock, log, component });
    senders.start((stopped) => sender.run(stopped));
    return sender;
  };
}
