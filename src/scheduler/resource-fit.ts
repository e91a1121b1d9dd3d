import type { Amounts } from "./amounts.ts";
import type { NodeTable } from "./node-table.ts";

/**
 * Writes the slots of open nodes that have room for the amounts into `found`; returns how many.
 * One tight loop over columns: it runs over all nodes for each decision.
 */
export function findRoom(
  table: NodeTable,
  faults: Uint8Array,
  amounts: Amounts,
  found: Int32Array,
): number {
  // What is not asked for fits on a node that has less than nothing of it, too.
  const cpu = amounts.cpuMillis > 0 ? amounts.cpuMillis : Number.NEGATIVE_INFINITY;
  const memory = amounts.memoryBytes > 0 ? amounts.memoryBytes : Number.NEGATIVE_INFINITY;
  const { allocatable: cpuTotal, used: cpuUsed } = table.cpu;
  const { allocatable: memoryTotal, used: memoryUsed } = table.memory;
  const { allocatable: podsTotal, used: podsUsed } = table.pods;
  let count = 0;
  for (let slot = 0; slot < faults.length; slot++) {
    if (faults[slot] !== 0) continue;
    if (at(podsUsed, slot) >= at(podsTotal, slot)) continue;
    if (at(cpuUsed, slot) + cpu > at(cpuTotal, slot)) continue;
    if (at(memoryUsed, slot) + memory > at(memoryTotal, slot)) continue;
    found[count++] = slot;
  }
  if (amounts.ephemeralBytes === 0 && amounts.others.size === 0) return count;
  return keep(found, count, (slot) => shortages(table, slot, amounts).length === 0);
}

/** Within bounds by construction; inlined by the engine. */
function at(values: Float64Array, slot: number): number {
  return values[slot] ?? 0;
}

/** Keeps the slots that pass, in place and in order; returns how many are left. */
export function keep(slots: Int32Array, count: number, passes: (slot: number) => boolean): number {
  let left = 0;
  for (let i = 0; i < count; i++) {
    const slot = slots[i] ?? 0;
    if (passes(slot)) slots[left++] = slot;
  }
  return left;
}

/** What is lacking, as upstream's NodeResourcesFit words it. */
export function shortages(table: NodeTable, slot: number, amounts: Amounts): string[] {
  const { cpu, memory, ephemeral, pods } = table;
  const found: string[] = [];
  if ((pods.used[slot] ?? 0) + 1 > (pods.allocatable[slot] ?? 0)) found.push("Too many pods");
  if (lacks(cpu, slot, amounts.cpuMillis)) found.push("Insufficient cpu");
  if (lacks(memory, slot, amounts.memoryBytes)) found.push("Insufficient memory");
  if (lacks(ephemeral, slot, amounts.ephemeralBytes)) found.push("Insufficient ephemeral-storage");
  for (const [name, amount] of amounts.others) {
    const column = table.others.get(name);
    if (amount > 0 && (column === undefined || lacks(column, slot, amount))) {
      found.push(`Insufficient ${name}`);
    }
  }
  return found;
}

/** Whether the node has that much at all, were it empty. */
export function hasEverRoom(table: NodeTable, slot: number, amounts: Amounts): boolean {
  const { cpu, memory, ephemeral, others } = table;
  const has = (column: { readonly allocatable: Float64Array } | undefined, amount: number) =>
    amount === 0 || amount <= (column?.allocatable[slot] ?? 0);
  return (
    has(cpu, amounts.cpuMillis) &&
    has(memory, amounts.memoryBytes) &&
    has(ephemeral, amounts.ephemeralBytes) &&
    [...amounts.others].every(([name, amount]) => has(others.get(name), amount))
  );
}

function lacks(
  column: { readonly allocatable: Float64Array; readonly used: Float64Array },
  slot: number,
  amount: number,
): boolean {
  return amount > 0 && (column.used[slot] ?? 0) + amount > (column.allocatable[slot] ?? 0);
}
