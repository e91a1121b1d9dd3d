import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { classOfClaim, selectedNode } from "#api/volumes/claims.ts";
import { describeError } from "#base/log.ts";
import type { Informer } from "#client/informer.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from "#client/kinds.ts";
import { keyOf, nameOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { directoriesOf, type Directories } from "./directories.ts";
import {
  directoryFinalizer,
  isOurs,
  nodeOfVolume,
  planClaim,
  planVolume,
  volumeFor,
  volumeNameOf,
  type ClaimPlan,
} from "./plan.ts";

interface Context {
  readonly ports: ControllerPorts;
  readonly recorder: EventRecorder;
  readonly directories: Directories;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
}

const claimPrefix = "claim:";
const volumePrefix = "volume:";
const nodePrefix = "node:";
const onNodeIndex = "local-path-node";
const classIndex = "class";
const ofVolumeIndex = "volume";
const volumeNameIndex = "local-path-volume";
/** A node that does not answer is asked again after this. */
const retryMs = 15_000;

/** Makes directories on nodes for claims of the class `local-path` and its like. */
export function localPathController(ports: ControllerPorts): Controller {
  return localPathControllerWith(ports, directoriesOf(ports.client));
}

/** As above, with the nodes' side given. */
export function localPathControllerWith(
  ports: ControllerPorts,
  directories: Directories,
): Controller {
  const claims = ports.informers.of(persistentVolumeClaims);
  const volumes = ports.informers.of(persistentVolumes);
  const classes = ports.informers.of(storageClasses);
  const nodeInformer = ports.informers.of(nodes);
  claims.addIndex(classIndex, (it) => [classOfClaim(it)]);
  claims.addIndex(ofVolumeIndex, (it) => [it.spec?.volumeName ?? ""]);
  claims.addIndex(volumeNameIndex, (it) => [volumeNameOf(it)]);
  volumes.addIndex(onNodeIndex, (it) => (isOurs(it) ? [nodeOfVolume(it)] : []));
  const recorder = ports.recorder("gantry-local-path");
  const context: Context = {
    ports,
    recorder,
    directories,
    claims,
    volumes,
    classes,
    nodes: nodeInformer,
  };
  return {
    name: "local-path-provisioner",
    workers: 4,
    watches: [
      watches(claims, (it) => [`${claimPrefix}${keyOf(it)}`]),
      watches(volumes, (it) => [
        `${volumePrefix}${nameOf(it)}`,
        ...claims.byIndex(ofVolumeIndex, nameOf(it)).map((claim) => claimPrefix + keyOf(claim)),
      ]),
      watches(classes, (it) =>
        claims.byIndex(classIndex, nameOf(it)).map((claim) => claimPrefix + keyOf(claim)),
      ),
      watches(
        nodeInformer,
        (it) => [
          `${nodePrefix}${nameOf(it)}`,
          ...volumes
            .byIndex(onNodeIndex, nameOf(it))
            .map((volume) => volumePrefix + nameOf(volume)),
        ],
        ({ previous, current }) => readiness(previous) !== readiness(current),
      ),
    ],
    async reconcile(key, signal) {
      if (key.startsWith(nodePrefix)) {
        await reconcileNode(context, key.slice(nodePrefix.length), signal);
        return {};
      }
      return key.startsWith(claimPrefix)
        ? await reconcileClaim(context, key.slice(claimPrefix.length), signal)
        : await reconcileVolume(context, key.slice(volumePrefix.length), signal);
    },
  };
}

function readiness(node: Node | undefined): string | undefined {
  return node?.status?.conditions?.find((it) => it.type === "Ready")?.status;
}

async function reconcileClaim(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const claim = context.claims.get(key);
  if (claim === undefined) return {};
  const { volumes } = context;
  const plan = planClaim(claim, {
    storageClass: context.classes.get(classOfClaim(claim)),
    nodes: context.nodes.list(),
    volume: volumes.get(claim.spec?.volumeName ?? ""),
    volumesOn: (node) => volumes.byIndex(onNodeIndex, node).length,
  });
  switch (plan.kind) {
    case "none":
      return {};
    case "provision":
      return await provision(context, claim, plan, signal);
    case "refuse":
      await refuse(context, claim, plan, signal);
      return { afterMs: retryMs };
    case "grow":
      await grow(context, claim, plan, signal);
      return {};
  }
}

async function provision(
  context: Context,
  claim: PersistentVolumeClaim,
  { node, storageClass }: Extract<ClaimPlan, { kind: "provision" }>,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { recorder, directories, ports, volumes } = context;
  const name = volumeNameOf(claim);
  // There, and the binder has yet to see it.
  if (volumes.get(name) !== undefined) return {};
  const doing = `External provisioner is provisioning volume for claim "${keyOf(claim)}"`;
  recorder.record(persistentVolumeClaims, claim, normal("Provisioning", doing));
  const hostname = context.nodes.get(node)?.metadata?.labels?.["kubernetes.io/hostname"] ?? node;
  try {
    const path = await directories.create(node, name, signal);
    const volume = volumeFor(claim, { node, path, hostname }, storageClass);
    await ports.client.create(persistentVolumes, volume, {}, signal);
  } catch (error) {
    if (signal.aborted || isStatus(error, "AlreadyExists")) return {};
    tellFailure(context, claim, describeError(error));
    return { afterMs: retryMs };
  }
  const done = `Successfully provisioned volume ${name}`;
  recorder.record(persistentVolumeClaims, claim, normal("ProvisioningSucceeded", done));
  return {};
}

async function refuse(
  context: Context,
  claim: PersistentVolumeClaim,
  { message, reschedule }: Extract<ClaimPlan, { kind: "refuse" }>,
  signal: AbortSignal,
): Promise<void> {
  tellFailure(context, claim, message);
  if (!reschedule) return;
  const annotations = Object.fromEntries(
    Object.entries(claim.metadata?.annotations ?? {}).filter(([key]) => key !== selectedNode),
  );
  const metadata = { ...claim.metadata, annotations };
  await context.ports.client.update(persistentVolumeClaims, { ...claim, metadata }, {}, signal);
}

function tellFailure({ recorder }: Context, claim: PersistentVolumeClaim, why: string): void {
  const name = classOfClaim(claim);
  const message = `failed to provision volume with StorageClass "${name}": ${why}`;
  const event = { type: "Warning", reason: "ProvisioningFailed", message } as const;
  recorder.record(persistentVolumeClaims, claim, event);
}

function normal(
  reason: string,
  message: string,
): { readonly type: "Normal"; readonly reason: string; readonly message: string } {
  return { type: "Normal", reason, message };
}

/** A directory has no size: growing it is writing the new one down, in the volume first. */
async function grow(
  { ports, recorder }: Context,
  claim: PersistentVolumeClaim,
  { volume, storage }: Extract<ClaimPlan, { kind: "grow" }>,
  signal: AbortSignal,
): Promise<void> {
  const { client } = ports;
  const capacity = { ...volume.spec?.capacity, storage };
  if (volume.spec?.capacity?.["storage"] !== storage) {
    const spec = { ...volume.spec, capacity };
    await client.update(persistentVolumes, { ...volume, spec }, {}, signal);
  }
  const resizing = ["Resizing", "FileSystemResizePending"];
  const conditions = (claim.status?.conditions ?? []).filter((it) => !resizing.includes(it.type));
  const status = {
    ...claim.status,
    capacity: { ...claim.status?.capacity, storage },
    allocatedResources: { ...claim.status?.allocatedResources, storage },
    conditions,
  };
  await client.updateStatus(persistentVolumeClaims, { ...claim, status }, signal);
  const event = normal("VolumeResizeSuccessful", "Resize volume succeeded");
  recorder.record(persistentVolumeClaims, claim, event);
}

async function reconcileVolume(
  context: Context,
  name: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const volume = context.volumes.get(name);
  if (volume === undefined) return {};
  const { client } = context.ports;
  const plan = planVolume(volume);
  switch (plan.kind) {
    case "none":
      return {};
    case "delete": {
      const options = { preconditions: { uid: uidOf(volume) } };
      await ignoringGone(client.delete(persistentVolumes, { name }, options, signal));
      return {};
    }
    case "finish": {
      if (plan.removes && !(await removeDirectory(context, volume, signal))) {
        return { afterMs: retryMs };
      }
      const finalizers = (volume.metadata?.finalizers ?? []).filter(
        (it) => it !== directoryFinalizer,
      );
      const metadata = { ...volume.metadata, finalizers };
      await ignoringGone(client.update(persistentVolumes, { ...volume, metadata }, {}, signal));
      return {};
    }
  }
}

/** The cache may lag: what is gone already needs nothing more. */
async function ignoringGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

/**
 * Removes empty directories of which neither volume nor claim is known: a provisioner that was
 * killed between directory and volume leaves one.
 */
async function reconcileNode(
  { nodes: known, volumes, claims, directories, ports }: Context,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const node = known.get(name);
  const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  if (readiness(node) !== "True" || port === 0) return;
  try {
    for (const directory of await directories.list(name, signal)) {
      const isKnown =
        volumes.get(directory) !== undefined ||
        claims.byIndex(volumeNameIndex, directory).length > 0;
      if (!isKnown) await directories.removeEmpty(name, directory, signal);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    // It is looked at again when it is ready again.
    ports.log.info("volumes of a node not looked at", { node: name, why: describeError(error) });
  }
}

/** False when the node could not be asked; an event has told why. */
async function removeDirectory(
  { directories, recorder }: Context,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await directories.remove(nodeOfVolume(volume), nameOf(volume), signal);
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `the directory on node "${nodeOfVolume(volume)}" could not be removed: ${describeError(error)}`;
    const event = { type: "Warning", reason: "VolumeFailedDelete", message } as const;
    recorder.record(persistentVolumes, volume, event);
    return false;
  }
}
