/** Addresses from `first` to `last`, both included, as numbers of 32 bits. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

const addressLast = 0xffff_ffff;

/** Undefined for anything but four decimal numbers from 0 to 255. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** `10.0.0.0/8`; bits below the mask do not count. Undefined for what is no IPv4 block. */
export function parseBlock(text: string): AddressRange | undefined {
  const [address = "", prefix = ""] = text.trim().split("/");
  const value = parseAddress(address);
  const bits = Number(prefix);
  if (value === undefined || !/^\d{1,2}$/.test(prefix) || bits > 32) return undefined;
  const size = 2 ** (32 - bits);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1 };
}

/** The same addresses as ranges that are in order and neither overlap nor touch. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before === undefined || range.first > before.last + 1) merged.push(range);
    else merged[merged.length - 1] = { ...before, last: Math.max(before.last, range.last) };
  }
  return merged;
}

/** What of `ranges` is not in `without`; merged. */
export function subtractRanges(
  ranges: readonly AddressRange[],
  without: readonly AddressRange[],
): AddressRange[] {
  const holes = mergeRanges(without);
  return mergeRanges(ranges).flatMap(({ first, last }) => {
    const left: AddressRange[] = [];
    let from = first;
    for (const hole of holes) {
      if (hole.last < from) continue;
      if (hole.first > last) break;
      if (hole.first > from) left.push({ first: from, last: hole.first - 1 });
      from = hole.last + 1;
    }
    if (from <= last) left.push({ first: from, last });
    return left;
  });
}

export function isEverything(ranges: readonly AddressRange[]): boolean {
  const [all] = mergeRanges(ranges);
  return all?.first === 0 && all.last === addressLast;
}

/** `10.0.0.1` or `10.0.0.0-10.0.0.9`, as nft reads it. */
export function formatRange({ first, last }: AddressRange): string {
  const start = formatAddress(first);
  return first === last ? start : `${start}-${formatAddress(last)}`;
}
