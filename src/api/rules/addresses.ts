/** Pure checks of IP addresses and networks, without `node:net`. */

/** The groups of an address as 16-bit (IPv6) or 8-bit (IPv4) numbers. */
export interface Ip {
  readonly family: "IPv4" | "IPv6";
  readonly parts: readonly number[];
}

/** An address, or undefined. Leading zeros in IPv4 are refused. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(":")) return parseIpv6(text);
  const parts = parseIpv4(text);
  return parts === undefined ? undefined : { family: "IPv4", parts };
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const numbers = parts.map((it) => (/^(0|[1-9][0-9]{0,2})$/.test(it) ? Number(it) : 256));
  return numbers.every((it) => it <= 255) ? numbers : undefined;
}

function parseIpv6(text: string): Ip | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (tail === undefined) {
    return head.length === 8 ? { family: "IPv6", parts: head } : undefined;
  }
  const missing = 8 - head.length - tail.length;
  if (missing < 1) return undefined;
  const zeros = Array.from({ length: missing }, () => 0);
  return { family: "IPv6", parts: [...head, ...zeros, ...tail] };
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const pieces = text.split(":");
  for (const [i, piece] of pieces.entries()) {
    if (i === pieces.length - 1 && piece.includes(".")) {
      const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(piece) ?? [-1];
      if (a < 0) return undefined;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(piece)) {
      groups.push(Number.parseInt(piece, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The text form of RFC 5952: lower case, the longest run of zero groups cut. */
export function formatIp(ip: Ip): string {
  if (ip.family === "IPv4") return ip.parts.join(".");
  const run = longestZeroRun(ip.parts);
  const hex = ip.parts.map((it) => it.toString(16));
  if (run.length < 2) return hex.join(":");
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

function longestZeroRun(parts: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= parts.length; i++) {
    if (parts[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** Faults of an address in a field that has always been there. */
export function ipFaults(text: string): readonly string[] {
  if (parseIp(text) !== undefined) return [];
  return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
}

/** Faults of an address that must be in its one text form. */
export function canonicalIpFaults(text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) return ipFaults(text);
  return formatIp(ip) === text ? [] : [`must be in canonical form ("${formatIp(ip)}")`];
}

/** A network in CIDR form, or undefined. */
export function parseCidr(text: string): { readonly ip: Ip; readonly bits: number } | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  return bits <= (ip.family === "IPv4" ? 32 : 128) ? { ip, bits } : undefined;
}

export function cidrFaults(text: string): readonly string[] {
  if (parseCidr(text) !== undefined) return [];
  return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
}

/** True when `inner` lies in `outer` and is smaller. */
export function isStrictSubnet(inner: string, outer: string): boolean {
  const [a, b] = [parseCidr(inner), parseCidr(outer)];
  if (a === undefined || b === undefined || a.ip.family !== b.ip.family) return false;
  if (a.bits <= b.bits) return false;
  return bitsOf(a.ip).slice(0, b.bits) === bitsOf(b.ip).slice(0, b.bits);
}

function bitsOf(ip: Ip): string {
  const width = ip.family === "IPv4" ? 8 : 16;
  return ip.parts.map((it) => it.toString(2).padStart(width, "0")).join("");
}

/** One address of each family at most, two in all. */
export function isDualStack(addresses: readonly string[]): boolean {
  const families = new Set(addresses.map((it) => parseIp(it)?.family));
  return addresses.length === 2 && families.size === 2 && !families.has(undefined);
}

/** Addresses that no endpoint may have: unspecified, loopback, link-local. */
export function endpointIpFaults(text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) return ["must be a valid IP address"];
  const [a = 0, b = 0, c = 0] = ip.parts;
  const faults: string[] = [];
  if (ip.parts.every((it) => it === 0)) faults.push(`may not be unspecified (${text})`);
  const isV4 = ip.family === "IPv4";
  if (isV4 ? a === 127 : formatIp(ip) === "::1") {
    faults.push("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
  if (isV4 ? a === 169 && b === 254 : (a & 0xffc0) === 0xfe80) {
    faults.push("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (isV4 ? a === 224 && b === 0 && c === 0 : (a & 0xff0f) === 0xff02) {
    faults.push("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
  return faults;
}
