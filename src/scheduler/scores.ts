import type { Amounts } from "./amounts.ts";
import type { NodeMask } from "./node-mask.ts";
import type { NodeTable } from "./node-table.ts";
import type { PodIndex } from "./pod-index.ts";
import type { PodShape } from "./pod-shape.ts";
import type { DomainCount, PodIdentity } from "./topology.ts";

/** Weights of upstream's default plugins, `apis/config/v1/default_plugins.go`. */
const weights = { nodeAffinity: 2, taint: 3, spread: 2, podAffinity: 2 } as const;

/** The nodes that fit, and room for their scores; `slots[0..count)` are in use. */
export interface Candidates {
  slots: Int32Array;
  scores: Float64Array;
  count: number;
}

/** Fills in the score of every candidate: 0 to 100 for each rule, times its weight. */
export function scoreCandidates(
  candidates: Candidates,
  pod: PodIdentity,
  shape: PodShape,
  state: { readonly table: NodeTable; readonly index: PodIndex; readonly mask: NodeMask },
): void {
  const { mask, index, table } = state;
  scoreResources(candidates, table, shape.amounts);
  if (mask.preference !== undefined) addShare(candidates, mask.preference, weights.nodeAffinity);
  if (mask.avoided !== undefined) addReversed(candidates, mask.avoided, weights.taint);
  const soft = shape.spreads.filter((it) => !it.required);
  if (soft.length > 0) {
    addSpread(
      candidates,
      soft.map((it) => ({ count: index.matching(it.term), maxSkew: it.maxSkew })),
    );
  }
  addPodPreferences(candidates, preferencesOf(pod, shape, index));
}

/** Least allocated, and balanced between processor and memory; each from 0 to 100. */
function scoreResources(candidates: Candidates, table: NodeTable, amounts: Amounts): void {
  const { cpu, memory, scoredCpu, scoredMemory } = table;
  for (let i = 0; i < candidates.count; i++) {
    const slot = candidates.slots[i] ?? 0;
    const cpuTotal = cpu.allocatable[slot] ?? 0;
    const memoryTotal = memory.allocatable[slot] ?? 0;
    const cpuFree = cpuTotal - (scoredCpu.used[slot] ?? 0) - amounts.scoredCpuMillis;
    const memoryFree = memoryTotal - (scoredMemory.used[slot] ?? 0) - amounts.scoredMemoryBytes;
    const least =
      (cpuTotal > 0 && cpuFree > 0 ? (cpuFree / cpuTotal) * 50 : 0) +
      (memoryTotal > 0 && memoryFree > 0 ? (memoryFree / memoryTotal) * 50 : 0);
    const cpuShare = share((cpu.used[slot] ?? 0) + amounts.cpuMillis, cpuTotal);
    const memoryShare = share((memory.used[slot] ?? 0) + amounts.memoryBytes, memoryTotal);
    // The standard deviation of two values is half their distance.
    const balanced = (1 - Math.abs(cpuShare - memoryShare) / 2) * 100;
    candidates.scores[i] = Math.floor(least) + Math.floor(balanced);
  }
}

function share(used: number, total: number): number {
  return total > 0 ? Math.min(used / total, 1) : 1;
}

/** The highest raw value gets 100, the others their share of it. */
function addShare(candidates: Candidates, raw: Float64Array, weight: number): void {
  const most = highest(candidates, raw);
  if (most === 0) return;
  for (let i = 0; i < candidates.count; i++) {
    const value = raw[candidates.slots[i] ?? 0] ?? 0;
    candidates.scores[i] = (candidates.scores[i] ?? 0) + (weight * 100 * value) / most;
  }
}

/** The highest raw value gets 0, none at all gets 100. */
function addReversed(candidates: Candidates, raw: Float64Array, weight: number): void {
  const most = highest(candidates, raw);
  for (let i = 0; i < candidates.count; i++) {
    const value = raw[candidates.slots[i] ?? 0] ?? 0;
    const part = most === 0 ? 1 : 1 - value / most;
    candidates.scores[i] = (candidates.scores[i] ?? 0) + weight * 100 * part;
  }
}

function highest(candidates: Candidates, raw: Float64Array): number {
  let most = 0;
  for (let i = 0; i < candidates.count; i++)
    most = Math.max(most, raw[candidates.slots[i] ?? 0] ?? 0);
  return most;
}

/** podtopologyspread `scoring.go`: fewer pods of the kind in the domain is better. */
function addSpread(
  candidates: Candidates,
  spreads: readonly { readonly count: DomainCount; readonly maxSkew: number }[],
): void {
  const raw = new Float64Array(candidates.count);
  for (const { count, maxSkew } of spreads) {
    const weight = Math.log(domainsAmong(candidates, count) + 2);
    for (let i = 0; i < candidates.count; i++) {
      const domain = count.domains.of(candidates.slots[i] ?? 0);
      const pods = domain < 0 ? 0 : (count.counts[domain] ?? 0);
      raw[i] = (raw[i] ?? 0) + pods * weight + (maxSkew - 1);
    }
  }
  const [least, most] = bounds(raw);
  for (let i = 0; i < candidates.count; i++) {
    const part = most === 0 ? 1 : (most + least - (raw[i] ?? 0)) / most;
    candidates.scores[i] = (candidates.scores[i] ?? 0) + weights.spread * 100 * part;
  }
}

function domainsAmong(candidates: Candidates, count: DomainCount): number {
  const seen = new Uint8Array(count.domains.size);
  let domains = 0;
  for (let i = 0; i < candidates.count; i++) {
    const domain = count.domains.of(candidates.slots[i] ?? 0);
    if (domain < 0 || seen[domain] === 1) continue;
    seen[domain] = 1;
    domains += 1;
  }
  return domains;
}

interface Weighted {
  readonly count: DomainCount;
  readonly weight: number;
}

/** Own preferences by how many pods they find; those of the pods that are there by their weights. */
function preferencesOf(pod: PodIdentity, shape: PodShape, index: PodIndex): Weighted[] {
  const own = shape.preferredPods.map((it) => ({ count: index.matching(it), weight: it.weight }));
  return [...own, ...index.preferencesFor(pod).map((count) => ({ count, weight: 1 }))];
}

function addPodPreferences(candidates: Candidates, preferences: readonly Weighted[]): void {
  if (preferences.length === 0) return;
  const raw = new Float64Array(candidates.count);
  for (const { count, weight } of preferences) {
    for (let i = 0; i < candidates.count; i++) {
      const domain = count.domains.of(candidates.slots[i] ?? 0);
      if (domain >= 0) raw[i] = (raw[i] ?? 0) + weight * (count.counts[domain] ?? 0);
    }
  }
  const [least, most] = bounds(raw);
  if (most === least) return;
  for (let i = 0; i < candidates.count; i++) {
    const part = ((raw[i] ?? 0) - least) / (most - least);
    candidates.scores[i] = (candidates.scores[i] ?? 0) + weights.podAffinity * 100 * part;
  }
}

function bounds(raw: Float64Array): [least: number, most: number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of raw) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
