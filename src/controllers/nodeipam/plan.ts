/** Pods' addresses of the whole cluster, and how much of them a node gets. IPv4. */
export interface PodRange {
  /** As in `10.244.0.0/16`. */
  readonly cluster: string;
  /** Length of a node's prefix. */
  readonly nodePrefix: number;
}

/** A cluster's range in places of a node's size. */
interface Grid {
  /** Of the first address. */
  readonly first: number;
  /** Addresses of a place. */
  readonly size: number;
  /** Places. */
  readonly count: number;
  readonly nodePrefix: number;
}

/**
 * Which node has which range. Told of every node once and of what changes, so that a cluster of
 * thousands does not go through all of them for each. Upstream: `pkg/controller/nodeipam/ipam/cidrset`.
 */
export class NodeRanges {
  readonly #grid: Grid;
  readonly #held = new Map<string, readonly number[]>();
  /** By place: how many nodes cover it. */
  readonly #used: Uint32Array;

  /** @throws {Error} when the cluster's range is no IPv4 range that holds a node's. */
  constructor(range: PodRange) {
    this.#grid = gridOf(range);
    this.#used = new Uint32Array(this.#grid.count);
  }

  has(owner: string): boolean {
    return this.#held.has(owner);
  }

  /** The owner has these ranges, in place of those it had. */
  hold(owner: string, ranges: readonly string[]): void {
    this.release(owner);
    this.#hold(
      owner,
      ranges.flatMap((it) => placesOf(it, this.#grid)),
    );
  }

  /** Gives the owner the first free range; undefined when all are taken. */
  take(owner: string): string | undefined {
    const place = this.#used.indexOf(0);
    if (place < 0) return undefined;
    this.release(owner);
    this.#hold(owner, [place]);
    const { first, size, nodePrefix } = this.#grid;
    return `${addressText(first + place * size)}/${nodePrefix}`;
  }

  release(owner: string): void {
    for (const place of this.#held.get(owner) ?? []) this.#count(place, -1);
    this.#held.delete(owner);
  }

  #hold(owner: string, places: readonly number[]): void {
    this.#held.set(owner, places);
    for (const place of places) this.#count(place, 1);
  }

  #count(place: number, change: number): void {
    this.#used[place] = (this.#used[place] ?? 0) + change;
  }
}

/** The first range that none of `taken` covers; undefined when there is none left. */
export function nextNodeRange(range: PodRange, taken: readonly string[]): string | undefined {
  const ranges = new NodeRanges(range);
  ranges.hold("others", taken);
  return ranges.take("next");
}

function gridOf({ cluster, nodePrefix }: PodRange): Grid {
  const [address = "", length = ""] = cluster.split("/");
  const prefix = Number(length);
  const first = addressNumber(address);
  if (first === undefined || length === "" || !(prefix <= nodePrefix)) {
    throw new Error(`'${cluster}' holds no range of /${nodePrefix}`);
  }
  return { first, size: 2 ** (32 - nodePrefix), count: 2 ** (nodePrefix - prefix), nodePrefix };
}

/** The places that a range covers, which may be of another size than ours. */
function placesOf(cidr: string, grid: Grid): number[] {
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
