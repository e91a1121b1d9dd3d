import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import {
  annotationOf,
  betaStorageProvisioner,
  boundByController,
  isDefaultClass,
  storageProvisioner,
} from "#api/volumes/claims.ts";
import type { Informer } from "#client/informer.ts";
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "#client/kinds.ts";
import { joinKey, keyOf, nameOf, uidOf } from "#client/object-key.ts";
import { claimIndex, indexPodsByClaim } from "#controllers/pods/claims.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import {
  boundStatus,
  claimForVolume,
  planClaim,
  planVolume,
  volumeForClaim,
  type ClaimPlan,
  type ClaimWorld,
  type VolumePlan,
} from "./plan.ts";

interface Context {
  readonly ports: ControllerPorts;
  readonly recorder: EventRecorder;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly waitingPods: (claimKey: string) => readonly string[];
}

const claimPrefix = "claim:";
const volumePrefix = "volume:";
const unboundIndex = "unbound";
const ofClaimIndex = "of-claim";

/** Binds claims to volumes, and keeps the phases of both. */
export function persistentVolumeBinder(ports: ControllerPorts): Controller {
  const claims = ports.informers.of(persistentVolumeClaims);
  const volumes = ports.informers.of(persistentVolumes);
  const classes = ports.informers.of(storageClasses);
  const podInformer = ports.informers.of(pods);
  indexPodsByClaim(podInformer);
  claims.addIndex(unboundIndex, (it) => ((it.spec?.volumeName ?? "") === "" ? ["yes"] : []));
  volumes.addIndex(ofClaimIndex, (it) => claimKeyOf(it));
  const context: Context = {
    ports,
    recorder: ports.recorder("persistentvolume-controller"),
    claims,
    volumes,
    classes,
    waitingPods: (key) =>
      podInformer
        .byIndex(claimIndex, key)
        .filter((it) => (it.spec?.nodeName ?? "") === "")
        .map(nameOf)
        .sort(),
  };
  const unbound = (): string[] =>
    claims.byIndex(unboundIndex, "yes").map((it) => `${claimPrefix}${keyOf(it)}`);
  return {
    name: "persistentvolume-binder-controller",
    // One at a time: two claims never choose the same volume.
    workers: 1,
    watches: [
      watches(claims, (it) => [`${claimPrefix}${keyOf(it)}`, ...volumeKeysOf(context, it)]),
      watches(volumes, (it) => [
        `${volumePrefix}${nameOf(it)}`,
        ...(it.spec?.claimRef === undefined
          ? unbound()
          : claimKeyOf(it).map((key) => `${claimPrefix}${key}`)),
      ]),
      watches(classes, unbound),
      watches(podInformer, () => []),
    ],
    async reconcile(key, signal) {
      if (key.startsWith(claimPrefix)) {
        await reconcileClaim(context, key.slice(claimPrefix.length), signal);
      } else {
        await reconcileVolume(context, key.slice(volumePrefix.length), signal);
      }
      return {};
    },
  };
}

function claimKeyOf(volume: PersistentVolume): string[] {
  const ref = volume.spec?.claimRef;
  return ref === undefined ? [] : [joinKey(ref.namespace ?? "", ref.name ?? "")];
}

function volumeKeysOf({ volumes }: Context, claim: PersistentVolumeClaim): string[] {
  const name = claim.spec?.volumeName ?? "";
  const names = volumes.byIndex(ofClaimIndex, keyOf(claim)).map(nameOf);
  return [...names, ...(name === "" ? [] : [name])].map((it) => `${volumePrefix}${it}`);
}

async function reconcileClaim(context: Context, key: string, signal: AbortSignal): Promise<void> {
  const claim = context.claims.get(key);
  if (claim === undefined) return;
  const plan = planClaim(claim, worldOf(context, key));
  await applyToClaim(context, claim, plan, signal);
}

function worldOf({ volumes, classes, waitingPods }: Context, key: string): ClaimWorld {
  return {
    volumes: volumes.list(),
    volume: (name) => volumes.get(name),
    storageClass: (name) => classes.get(name),
    defaultClass: newestDefault(classes.list()),
    waitingPods: waitingPods(key),
  };
}

/** Of several default classes the newest one counts, as in admission. */
function newestDefault(classes: readonly StorageClass[]): string | undefined {
  const created = (it: StorageClass): string => it.metadata?.creationTimestamp ?? "";
  const [newest] = classes
    .filter((it) => annotationOf(it, isDefaultClass) === "true")
    .sort((a, b) => created(b).localeCompare(created(a)) || nameOf(a).localeCompare(nameOf(b)));
  return newest === undefined ? undefined : nameOf(newest);
}

async function applyToClaim(
  context: Context,
  claim: PersistentVolumeClaim,
  plan: ClaimPlan,
  signal: AbortSignal,
): Promise<void> {
  const { ports, recorder } = context;
  const { client } = ports;
  switch (plan.kind) {
    case "none":
      return;
    case "bind":
      await bind(context, claim, plan.volume, signal);
      return;
    case "class": {
      const spec = { ...claim.spec, storageClassName: plan.name };
      await client.update(persistentVolumeClaims, { ...claim, spec }, {}, signal);
      return;
    }
    case "provision": {
      const { provisioner, event } = plan;
      if (annotationOf(claim, storageProvisioner) !== provisioner) {
        const annotations = {
          ...claim.metadata?.annotations,
          [storageProvisioner]: provisioner,
          [betaStorageProvisioner]: provisioner,
        };
        const metadata = { ...claim.metadata, annotations };
        await client.update(persistentVolumeClaims, { ...claim, metadata }, {}, signal);
      }
      recorder.record(persistentVolumeClaims, claim, event);
      return;
    }
    case "phase": {
      const changes = claim.status?.phase !== plan.phase;
      if (changes) {
        const status = { ...claim.status, phase: plan.phase };
        delete (status as { accessModes?: unknown }).accessModes;
        delete (status as { capacity?: unknown }).capacity;
        await client.updateStatus(persistentVolumeClaims, { ...claim, status }, signal);
      }
      if (plan.event !== undefined && (changes || plan.phase !== "Lost")) {
        recorder.record(persistentVolumeClaims, claim, plan.event);
      }
    }
  }
}

/** Volume first, so that no other claim can take it; each step may be the last one before a crash. */
async function bind(
  { ports }: Context,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { client } = ports;
  const reserved = volumeForClaim(volume, claim);
  const owned =
    reserved === undefined ? volume : await client.update(persistentVolumes, reserved, {}, signal);
  if (owned.status?.phase !== "Bound") {
    const status = { ...owned.status, phase: "Bound" };
    await client.updateStatus(persistentVolumes, { ...owned, status }, signal);
  }
  const named = claimForVolume(claim, owned);
  const bound =
    named === undefined ? claim : await client.update(persistentVolumeClaims, named, {}, signal);
  const status = boundStatus(bound, owned);
  if (status !== undefined) {
    await client.updateStatus(persistentVolumeClaims, { ...bound, status }, signal);
  }
}

async function reconcileVolume(context: Context, name: string, signal: AbortSignal): Promise<void> {
  const volume = context.volumes.get(name);
  if (volume === undefined) return;
  const claim = await claimOf(context, volume, signal);
  await applyToVolume(context, volume, planVolume(volume, claim), signal);
}

/** The volume's claim. A cache that lags must not make data look abandoned: the server is asked. */
async function claimOf(
  { claims, ports }: Context,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = "", name = "", uid = "" } = volume.spec?.claimRef ?? {};
  if (uid === "") return undefined;
  const known = claims.get(joinKey(namespace, name));
  if (known !== undefined && uidOf(known) === uid) return known;
  const { phase } = volume.status ?? {};
  if (phase === "Released" || phase === "Failed") return undefined;
  try {
    const found = await ports.client.get(persistentVolumeClaims, { namespace, name }, signal);
    return uidOf(found) === uid ? found : undefined;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function applyToVolume(
  { ports, recorder }: Context,
  volume: PersistentVolume,
  plan: VolumePlan,
  signal: AbortSignal,
): Promise<void> {
  const { client } = ports;
  if (plan.kind === "none") return;
  if (plan.kind === "unbind") {
    await client.update(persistentVolumes, unbound(volume), {}, signal);
    return;
  }
  const message = plan.phase === "Failed" ? plan.event?.message : undefined;
  const status = { phase: plan.phase, ...(message === undefined ? {} : { message }) };
  await client.updateStatus(persistentVolumes, { ...volume, status }, signal);
  if (plan.event !== undefined) recorder.record(persistentVolumes, volume, plan.event);
}

/** A reservation by hand stays, without the claim's uid; ours goes. */
function unbound(volume: PersistentVolume): PersistentVolume {
  const { [boundByController]: ours, ...annotations } = volume.metadata?.annotations ?? {};
  const { claimRef, ...spec } = volume.spec ?? {};
  if (ours === undefined) {
    return { ...volume, spec: { ...spec, claimRef: { ...claimRef, uid: undefined } } };
  }
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}
