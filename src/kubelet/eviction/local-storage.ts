import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity, quantityOf } from "#api/quantity.ts";

/** Bytes of one pod on the node's disk. */
export interface LocalStorageUsage {
  /** Of its empty directories, by volume name. */
  readonly emptyDirs: ReadonlyMap<string, number>;
  /** Logs and own file systems of its containers, by name. */
  readonly containers: ReadonlyMap<string, number>;
}

const resource = "ephemeral-storage";

/** True when the pod has a limit that {@link localStorageProblem} looks at. */
export function limitsLocalStorage({ spec }: Pod): boolean {
  return (
    (spec?.volumes ?? []).some((it) => it.emptyDir?.sizeLimit !== undefined) ||
    (spec?.containers ?? []).some((it) => it.resources?.limits?.[resource] !== undefined)
  );
}

/**
 * Which of its own limits the pod is above; undefined: none. In upstream's words.
 * Upstream: `pkg/kubelet/eviction/eviction_manager.go`, localStorageEviction.
 */
export function localStorageProblem(pod: Pod, usage: LocalStorageUsage): string | undefined {
  return emptyDirProblem(pod, usage) ?? podProblem(pod, usage) ?? containerProblem(pod, usage);
}

function emptyDirProblem(pod: Pod, { emptyDirs }: LocalStorageUsage): string | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const { sizeLimit = "0" } = emptyDir ?? {};
    if (!isAbove(emptyDirs.get(name) ?? 0, sizeLimit)) continue;
    return `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}". `;
  }
  return undefined;
}

/** The limits of all containers together bound what the pod has in empty directories, too. */
function podProblem({ spec }: Pod, usage: LocalStorageUsage): string | undefined {
  const limits = (spec?.containers ?? []).map((it) => bytesOf(limitOf(it)));
  const total = sum(limits);
  if (total === 0) return undefined;
  if (sum(usage.emptyDirs.values()) + sum(usage.containers.values()) <= total) return undefined;
  const shown = quantityOf(total, "BinarySI").toString();
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${shown}. `;
}

function containerProblem({ spec }: Pod, { containers }: LocalStorageUsage): string | undefined {
  for (const container of spec?.containers ?? []) {
    const { name } = container;
    const limit = limitOf(container);
    if (!isAbove(containers.get(name) ?? 0, limit)) continue;
    return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

function limitOf({ resources }: Container): string {
  return resources?.limits?.[resource] ?? "0";
}

/** No limit is "0". */
function isAbove(bytes: number, limit: string): boolean {
  const limitBytes = bytesOf(limit);
  return limitBytes > 0 && bytes > limitBytes;
}

function bytesOf(text: string): number {
  return findQuantity(text)?.value() ?? 0;
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((all, it) => all + it, 0);
}
