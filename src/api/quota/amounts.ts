import { findQuantity, quantityOf, type Quantity } from "#api/quantity.ts";

/** Amounts by the name of a resource. Upstream: apiserver `pkg/quota/v1/resources.go`. */
export type Amounts = ReadonlyMap<string, Quantity>;

export type ResourceList = Readonly<Record<string, string>>;

export const one = quantityOf(1, "DecimalSI");
export const zero = quantityOf(0, "DecimalSI");

/** So many whole things. */
export function countOf(things: number): Quantity {
  return quantityOf(things, "DecimalSI");
}

/** The amounts of a list as objects have it, without what is no quantity. */
export function amountsIn(list: ResourceList | undefined): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const amount = findQuantity(text);
    if (amount !== undefined) amounts.set(name, amount);
  }
  return amounts;
}

/** As objects have it. */
export function listOf(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]));
}

export function sumOf(left: Amounts, right: Amounts): Map<string, Quantity> {
  const sum = new Map(left);
  for (const [name, amount] of right) sum.set(name, sum.get(name)?.add(amount) ?? amount);
  return sum;
}

/** What `next` needs more than `previous`; never less than nothing. */
export function growthOf(next: Amounts, previous: Amounts): Map<string, Quantity> {
  const growth = new Map<string, Quantity>();
  for (const [name, amount] of next) {
    const before = previous.get(name);
    const more = before === undefined ? amount : amount.subtract(before);
    if (more.sign() > 0) growth.set(name, more);
  }
  return growth;
}

/** The amounts whose names pass. */
export function maskOf(amounts: Amounts, keeps: (name: string) => boolean): Map<string, Quantity> {
  return new Map([...amounts].filter(([name]) => keeps(name)));
}

/** Names of which there is more than the limit allows. */
export function exceeding(amounts: Amounts, limits: Amounts): string[] {
  return [...limits].flatMap(([name, limit]) => {
    const amount = amounts.get(name);
    return amount !== undefined && amount.compare(limit) > 0 ? [name] : [];
  });
}

export function areEqual(left: Amounts, right: Amounts): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([name, amount]) => right.get(name)?.compare(amount) === 0);
}

/** `cpu=1,memory=2Gi`, sorted by name. */
export function amountsText(amounts: Amounts): string {
  return [...amounts]
    .map(([name, amount]) => `${name}=${amount.toString()}`)
    .sort()
    .join(",");
}
