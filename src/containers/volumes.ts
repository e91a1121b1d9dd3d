import type { PersistentVolumeClaim } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import {
  filterOf,
  hasLabel,
  isTrueText,
  matchesPattern,
  type FilterTests,
} from "#base/docker-filters.ts";
import { formatRows } from "#base/go-template/rows.ts";
import type { Session } from "#cli/connection.ts";
import { found } from "#cli/found.ts";
import { persistentVolumeClaims, pods } from "#client/kinds.ts";
import { claimNames } from "./facts.ts";
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

export interface VolumeListOptions {
  readonly quiet?: boolean | undefined;
  readonly filter: readonly string[];
  /** `table`, `table {{…}}`, `json`, or a template. */
  readonly format?: string | undefined;
}

/** Docker's columns; the driver is the storage class. @throws {FilterError} */
export function formatVolumes(
  all: readonly PersistentVolumeClaim[],
  used: ReadonlySet<string>,
  { quiet, filter, format }: VolumeListOptions,
): string {
  const tests: FilterTests<PersistentVolumeClaim> = {
    dangling: (it, value) => !used.has(it.metadata?.name ?? "") === isTrueText(value, "dangling"),
    driver: (it, value) => driverOf(it) === value,
    label: (it, value) => hasLabel(it.metadata?.annotations ?? {}, value),
    name: (it, value) => matchesPattern(volumeNameOf(it), value),
  };
  const shown = all.filter(filterOf(filter, tests));
  if (quiet === true) return shown.map((it) => `${volumeNameOf(it)}\n`).join("");
  const rows = shown.map((it) => ({
    Driver: driverOf(it),
    Name: volumeNameOf(it),
    Scope: "cluster",
    Status: it.status?.phase ?? "",
    Label: (name: unknown) => it.metadata?.annotations?.[String(name)] ?? "",
  }));
  return formatRows(rows, { Driver: "DRIVER", Name: "VOLUME NAME" }, format);
}

function driverOf(claim: PersistentVolumeClaim): string {
  return claim.spec?.storageClassName ?? "default";
}

/** Claims that pods of the namespace have. */
export async function usedClaims({ cluster, signal }: Session): Promise<ReadonlySet<string>> {
  const { client, namespace } = cluster;
  const { items } = await client.list(pods, { namespace }, signal);
  return new Set(items.flatMap(claimNames));
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
    Driver: driverOf(claim),
    CreatedAt: claim.metadata?.creationTimestamp ?? "",
    Status: { Phase: claim.status?.phase ?? "", Volume: claim.spec?.volumeName ?? "" },
    Labels: claim.metadata?.annotations ?? {},
    Scope: "cluster",
  };
}

/** Removes the volumes that no pod of the namespace has; resolves with their names. */
export async function pruneVolumes(session: Session): Promise<readonly string[]> {
  const used = await usedClaims(session);
  const unused = (await listVolumes(session)).filter((it) => !used.has(it.metadata?.name ?? ""));
  for (const it of unused) await removeVolume(session, volumeNameOf(it));
  return unused.map(volumeNameOf);
}
