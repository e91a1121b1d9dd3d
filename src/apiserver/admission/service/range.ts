import { isIPv4 } from "node:net";

/** A range of IPv4 addresses, without its first and last one. */
export interface AddressRange {
  /** As written: `10.96.0.0/16`. */
  readonly text: string;
  /** How many addresses can be given out. */
  readonly size: number;
  /** The address at a place from 0 to `size - 1`. */
  at(index: number): string;
  has(address: string): boolean;
}

/** @throws {Error} for text that is no IPv4 range of at least four addresses. */
export function parseRange(text: string): AddressRange {
  const [base = "", length = ""] = text.split("/");
  const bits = Number(length);
  if (!isIPv4(base) || !/^\d+$/.test(length) || bits < 8 || bits > 30) {
    throw new Error(`'${text}' is no service range: write an IPv4 range such as 10.96.0.0/16`);
  }
  const total = 2 ** (32 - bits);
  const start = Math.floor(numberOf(base) / total) * total;
  return {
    text,
    size: total - 2,
    at: (index) => textOf(start + 1 + index),
    has(address) {
      if (!isIPv4(address)) return false;
      const offset = numberOf(address) - start;
      return offset >= 1 && offset <= total - 2;
    },
  };
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, it) => sum * 256 + Number(it), 0);
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
