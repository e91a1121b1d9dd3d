import type { FullTable, PartialTable, TableChange } from "./ledger.ts";

export interface TableText {
  readonly name: string;
  /** What stands between the table's braces whatever its owners want. */
  readonly base: string;
}

/** The change as one transaction of nft: it happens whole or not at all. */
export function renderChange(table: TableText, change: TableChange): string {
  return change.kind === "full" ? renderFull(table, change) : renderPartial(table, change);
}

/** Adding a table that exists changes nothing, so that the delete always has one. */
export function renderRemoval(name: string): string {
  return `table ip ${name}\ndelete table ip ${name}\n`;
}

function renderFull({ name, base }: TableText, change: FullTable): string {
  return [
    renderRemoval(name),
    `table ip ${name} {${base}}\n`,
    block(name, change.sets, change.chains),
    added(name, change.elements),
  ].join("");
}

/** The order is nft's: nothing is removed while something refers to it. */
function renderPartial({ name }: TableText, change: PartialTable): string {
  const { deleteElements, flushChains, deleteChains, deleteSets } = change;
  return [
    ...flushChains.map((it) => `flush chain ip ${name} ${it}\n`),
    block(name, change.addSets, change.putChains),
    ...[...deleteElements].map(
      ([set, keys]) => `delete element ip ${name} ${set} { ${keys.join(", ")} }\n`,
    ),
    added(name, change.addElements),
    ...deleteChains.map((it) => `delete chain ip ${name} ${it}\n`),
    ...deleteSets.map((it) => `delete set ip ${name} ${it}\n`),
  ].join("");
}

function block(
  name: string,
  sets: ReadonlyMap<string, string>,
  chains: ReadonlyMap<string, readonly string[]>,
): string {
  if (sets.size === 0 && chains.size === 0) return "";
  const lines = [`table ip ${name} {`];
  for (const [set, definition] of sets) lines.push(`set ${set} { ${definition} }`);
  for (const [chain, rules] of chains) lines.push(`chain ${chain} {`, ...rules, "}");
  lines.push("}\n");
  return lines.join("\n");
}

function added(name: string, elements: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  return [...elements]
    .filter(([, values]) => values.size > 0)
    .map(([set, values]) => {
      const list = [...values].map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
      return `add element ip ${name} ${set} { ${list.join(", ")} }\n`;
    })
    .join("");
}
