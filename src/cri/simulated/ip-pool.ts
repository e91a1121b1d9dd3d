/** Gives out the addresses of an IPv4 range: never the first two (network, gateway) nor the last. */
export class IpPool {
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 2;

  /** @param cidr `10.244.0.0/16`. @throws {Error} when it is none, or has no room for a pod. */
  constructor(cidr: string) {
    const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
    const numbers = (match ?? []).slice(1).map(Number);
    const [a = 256, b = 256, c = 256, d = 256, bits = 33] = numbers;
    if (Math.max(a, b, c, d) > 255 || bits > 29) {
      throw new Error(`pod range '${cidr}': expected an IPv4 CIDR of at most 29 bits`);
    }
    this.#size = 2 ** (32 - bits);
    const address = ((a * 256 + b) * 256 + c) * 256 + d;
    this.#base = address - (address % this.#size);
  }

  /** `undefined` when all are in use. Goes round, so that an address rests before it is used again. */
  allocate(): string | undefined {
    const count = this.#size - 3;
    if (this.#used.size >= count) return undefined;
    while (this.#used.has(this.#next)) this.#next = this.#following(this.#next);
    const offset = this.#next;
    this.#next = this.#following(offset);
    this.#used.add(offset);
    const address = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
  }

  release(address: string): void {
    const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
    this.#used.delete(((a * 256 + b) * 256 + c) * 256 + d - this.#base);
  }

  #following(offset: number): number {
    return offset + 1 >= this.#size - 1 ? 2 : offset + 1;
  }
}
