import type { PersistentVolumeClaim } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { formatTable } from "#base/docker-format.ts";
import type { Session } from "#cli/connection.ts";
import { found } from "#cli/found.ts";
import { persistentVolumeClaims, pods } from "#client/kinds.ts";
import { checkVolumeName } from "./flags/mounts.ts";
import { volumeAnnotation } from "./labels.ts";
import { claimOf } from "./plan/volumes.ts";
import { createUnlessThere, ensureNamespace } from "./run/objects.ts";
import { removeVolume } from "./run/remove.ts";
import type { Fields } from "#base/go-template/values.ts";

export function volumeNameOf(claim: PersistentVolumeClaim): string {
  return claim.metadata?.annotations?.[volumeAnnotation] ?? claim.metadata?.name ?? "";
}

export async function listVolumes(session: Session): Promise<readonly PersistentVolumeClaim[]> {
  const { client, namespace } = session.cluster;
  const { items } = await client.list(persistentVolumeClaims, { namespace }, session.signal);
  return items.toSorted((a, b) => volumeNameOf(a).localeCompare(volumeNameOf(b)));
}

/** Docker's columns; the driver is the storage class. */
export function formatVolumes(
  all: readonly PersistentVolumeClaim[],
  options: { readonly quiet: boolean },
): string {
  if (options.quiet) return all.map((it) => `${volumeNameOf(it)}\n`).join("");
  const rows = all.map((it) => [it.spec?.storageClassName ?? "default", volumeNameOf(it)]);
  return formatTable([["DRIVER", "VOLUME NAME"], ...rows]);
}

/** Nothing happens to a volume that is there. */
export async function createVolume(
  session: Session,
  name: string,
  options: { readonly size: string | undefined; readonly labels: Record<string, string> },
): Promise<void> {
  const claim = claimOf(checkVolumeName(name), options);
  const metadata = { ...claim.metadata, namespace: session.cluster.namespace };
  await ensureNamespace(session);
  await createUnlessThere(session, persistentVolumeClaims, { ...claim, metadata });
}

/** @throws {Error} as Docker says it, when there is no such volume. */
export async function inspectVolume(session: Session, volume: string): Promise<Fields> {
  const { client, namespace } = session.cluster;
  const at = { namespace, name: objectName(volume) };
  const claim = await found(client.get(persistentVolumeClaims, at, session.signal));
  if (claim === undefined) throw new Error(`get ${volume}: no such volume`);
  return {
    Name: volumeNameOf(claim),
    Driver: claim.spec?.storageClassName ?? "default",
    CreatedAt: claim.metadata?.creationTimestamp ?? "",
    Status: { Phase: claim.status?.phase ?? "", Volume: claim.spec?.volumeName ?? "" },
    Labels: claim.metadata?.annotations ?? {},
    Scope: "cluster",
  };
}

/** Removes the volumes that no pod of the namespace has; resolves with their names. */
export async function pruneVolumes(session: Session): Promise<readonly string[]> {
  const { client, namespace } = session.cluster;
  const { items } = await client.list(pods, { namespace }, session.signal);
  const used = new Set(
    items
      .flatMap((it) => it.spec?.volumes ?? [])
      .map((it) => it.persistentVolumeClaim?.claimName ?? ""),
  );
  const unused = (await listVolumes(session)).filter((it) => !used.has(it.metadata?.name ?? ""));
  for (const it of unused) await removeVolume(session, volumeNameOf(it));
  return unused.map(volumeNameOf);
}
