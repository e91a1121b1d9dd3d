/** Pods' addresses of the whole cluster, and how much of them a node gets. IPv4. */
export interface PodRange {
  /** As in `10.244.0.0/16`. */
  readonly cluster: string;
  /** Length of a node's prefix. */
  readonly nodePrefix: number;
}

/**
 * The first range that no node has; undefined when all are taken. Upstream:
 * `pkg/controller/nodeipam/ipam/cidrset`.
 * @throws {Error} when the cluster's range is no IPv4 range that holds a node's.
 */
export function nextNodeRange(range: PodRange, taken: Iterable<string>): string | undefined {
  const [address = "", length = ""] = range.cluster.split("/");
  const prefix = Number(length);
  const first = addressNumber(address);
  if (first === undefined || length === "" || !(prefix <= range.nodePrefix)) {
    throw new Error(`'${range.cluster}' holds no range of /${range.nodePrefix}`);
  }
  const size = 2 ** (32 - range.nodePrefix);
  const count = 2 ** (range.nodePrefix - prefix);
  const used = new Set([...taken].flatMap((it) => placesOf(it, { first, size, count })));
  for (let place = 0; place < count; place += 1) {
    if (!used.has(place)) return `${addressText(first + place * size)}/${range.nodePrefix}`;
  }
  return undefined;
}

/** The places that a range covers, which may be of another size than ours. */
function placesOf(
  cidr: string,
  grid: { readonly first: number; readonly size: number; readonly count: number },
): number[] {
  const [address = "", length = ""] = cidr.split("/");
  const start = addressNumber(address);
  if (start === undefined || length === "") return [];
  const from = Math.max(0, Math.floor((start - grid.first) / grid.size));
  const end = start + 2 ** (32 - Number(length));
  const to = Math.min(grid.count, Math.ceil((end - grid.first) / grid.size));
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function addressNumber(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((it) => !(it >= 0 && it <= 255))) return undefined;
  return parts.reduce((sum, it) => sum * 256 + it, 0);
}

function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
