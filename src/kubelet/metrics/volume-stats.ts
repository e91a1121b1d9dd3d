import { statfs } from "node:fs/promises";
import type { Pod, Volume } from "#api/gen/types.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";

export interface VolumeStatsOptions {
  readonly pods: () => readonly Pod[];
  /** Where the volume of that name is on the node; undefined: not there (yet). */
  readonly path: (pod: Pod, volume: string) => string | undefined;
}

interface ClaimStats {
  readonly labels: { readonly namespace: string; readonly persistentvolumeclaim: string };
  readonly found: Awaited<ReturnType<typeof statfs>>;
}

const families: readonly (readonly [
  name: string,
  help: string,
  value: (it: ClaimStats["found"]) => number,
])[] = [
  ["capacity_bytes", "Size.", ({ blocks, bsize }) => Number(blocks) * Number(bsize)],
  ["available_bytes", "What may still be written.", (it) => Number(it.bavail) * Number(it.bsize)],
  ["used_bytes", "In use.", (it) => (Number(it.blocks) - Number(it.bfree)) * Number(it.bsize)],
  ["inodes", "Inodes.", ({ files }) => Number(files)],
  ["inodes_free", "Inodes that are free.", ({ ffree }) => Number(ffree)],
  ["inodes_used", "Inodes in use.", ({ files, ffree }) => Number(files) - Number(ffree)],
];

/** Tells of the file systems of claims in use: `kubelet_volume_stats_…`. */
export function exposeVolumeStats(metrics: MetricRegistry, options: VolumeStatsOptions): void {
  for (const [name, help, value] of families) {
    metrics.computed(
      { name: `kubelet_volume_stats_${name}`, help: `Volumes of claims: ${help}`, type: "gauge" },
      async (): Promise<Sample[]> => {
        const all = await readClaims(options);
        return all.map(({ labels, found }) => ({ labels, value: value(found) }));
      },
    );
  }
}

/** One for each claim, however many pods use it. */
async function readClaims({ pods, path }: VolumeStatsOptions): Promise<readonly ClaimStats[]> {
  const claims = new Map<string, ClaimStats>();
  for (const pod of pods()) {
    const { namespace = "", name = "" } = pod.metadata ?? {};
    for (const volume of pod.spec?.volumes ?? []) {
      const claim = claimOf(name, volume);
      const at = claim === undefined ? undefined : path(pod, volume.name);
      if (claim === undefined || at === undefined) continue;
      const found = await statfs(at).catch(() => undefined);
      if (found === undefined) continue;
      const labels = { namespace, persistentvolumeclaim: claim };
      claims.set(`${namespace}/${claim}`, { labels, found });
    }
  }
  return [...claims.values()];
}

/** The claim of an ephemeral volume is called after its pod. */
function claimOf(pod: string, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}
