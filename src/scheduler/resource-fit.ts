import type { Amounts } from "./amounts.ts";
import type { NodeTable } from "./node-table.ts";

/** Whether the amounts fit beside what the node in `slot` has. A resource not asked for may lack. */
export function fits(table: NodeTable, slot: number, amounts: Amounts): boolean {
  const { cpu, memory, ephemeral, pods } = table;
  if ((pods.used[slot] ?? 0) + 1 > (pods.allocatable[slot] ?? 0)) return false;
  if (lacks(cpu, slot, amounts.cpuMillis)) return false;
  if (lacks(memory, slot, amounts.memoryBytes)) return false;
  if (lacks(ephemeral, slot, amounts.ephemeralBytes)) return false;
  for (const [name, amount] of amounts.others) {
    const column = table.others.get(name);
    if (amount > 0 && (column === undefined || lacks(column, slot, amount))) return false;
  }
  return true;
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

function lacks(
  column: { readonly allocatable: Float64Array; readonly used: Float64Array },
  slot: number,
  amount: number,
): boolean {
  return amount > 0 && (column.used[slot] ?? 0) + amount > (column.allocatable[slot] ?? 0);
}
