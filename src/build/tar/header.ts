import { blockBytes, paddingOf, type EntryKind, type TarEntry } from "./entry.ts";

/**
 * The headers of tar archives: POSIX.1-2001 (pax), and of GNU's what others write. tar-stream, which
 * reads and writes other archives here, takes extended attributes for UTF-8, and file capabilities
 * are not.
 */

const kinds: Readonly<Record<string, EntryKind>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};
const flags: Readonly<Record<EntryKind, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const nameBytesMax = 100;
const idMax = 0o7777777;
const wideMax = 0o77777777777;
const xattrPrefix = "SCHILY.xattr.";

/** What a header block says by itself, before pax records amend it. */
export interface RawHeader extends Omit<TarEntry, "kind" | "xattrs"> {
  readonly flag: string;
}

/** Undefined for a block of zeros. @throws {Error} when the block is no header. */
export function decodeHeader(block: Buffer): RawHeader | undefined {
  if (block.every((it) => it === 0)) return undefined;
  const sum = octal(block, 148, 8);
  let actual = 8 * 0x20;
  for (let at = 0; at < blockBytes; at++) {
    if (at < 148 || at >= 156) actual += block[at] ?? 0;
  }
  if (sum !== actual) throw new Error("the archive is damaged: a header has the wrong checksum");
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? text(block, 345, 155) : "";
  const name = text(block, 0, nameBytesMax);
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, nameBytesMax),
    mode: octal(block, 100, 8) & 0o7777,
    uid: octal(block, 108, 8),
    gid: octal(block, 116, 8),
    size: octal(block, 124, 12),
    mtime: octal(block, 136, 12),
    major: octal(block, 329, 8),
    minor: octal(block, 337, 8),
  };
}

function text(block: Buffer, from: number, length: number): string {
  const end = block.indexOf(0, from);
  const stop = end === -1 ? from + length : Math.min(end, from + length);
  return block.toString("latin1", from, stop);
}

/** Octal digits, or GNU's base 256 when the first bit is set. */
function octal(block: Buffer, from: number, length: number): number {
  const first = block[from] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = text(block, from, length).trim();
    return digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  const isNegative = (first & 0x40) !== 0;
  let value = isNegative ? first - 0x100 : first & 0x3f;
  for (let at = from + 1; at < from + length; at++) value = value * 256 + (block[at] ?? 0);
  return value;
}

/** The records of a pax header: `length key=value\n`. @throws {Error} for broken ones. */
export function decodePax(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, space));
    const equals = bytes.indexOf(0x3d, space);
    const end = at + length;
    const isWhole =
      space > at &&
      Number.isInteger(length) &&
      end <= bytes.length &&
      equals > space &&
      equals < end;
    if (!isWhole) throw new Error("the archive is damaged: a pax header is broken");
    records.set(
      bytes.toString("latin1", space + 1, equals),
      bytes.toString("latin1", equals + 1, end - 1),
    );
    at = end;
  }
  return records;
}

/** What a header and the records before it say together. @throws {Error} for unknown kinds. */
export function toEntry(raw: RawHeader, pax: ReadonlyMap<string, string>): TarEntry {
  const name = pax.get("path") ?? raw.name;
  const kind = kindOf(raw.flag, name);
  const isSparse = [...pax.keys()].some((it) => it.startsWith("GNU.sparse."));
  if (kind === undefined || isSparse) {
    throw new Error(`the archive has an entry of a kind that is not supported: '${raw.flag}'`);
  }
  const hasLink = kind === "link" || kind === "symlink";
  return {
    kind,
    name: name.replace(/\/+$/, ""),
    linkName: hasLink ? (pax.get("linkpath") ?? raw.linkName) : "",
    mode: raw.mode,
    uid: numberOf(pax.get("uid")) ?? raw.uid,
    gid: numberOf(pax.get("gid")) ?? raw.gid,
    size: kind === "file" ? sizeOf(raw, pax) : 0,
    mtime: Math.floor(numberOf(pax.get("mtime")) ?? raw.mtime),
    major: raw.major,
    minor: raw.minor,
    xattrs: xattrsOf(pax),
  };
}

/** Before directories had a kind of their own, they were files whose names end with a slash. */
function kindOf(flag: string, name: string): EntryKind | undefined {
  const kind = kinds[flag];
  return kind === "file" && name.endsWith("/") ? "directory" : kind;
}

function xattrsOf(pax: ReadonlyMap<string, string>): Map<string, string> {
  const xattrs = new Map<string, string>();
  for (const [key, value] of pax) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), value);
  }
  return xattrs;
}

/** Bytes that follow a header, whatever its kind. */
export function sizeOf(raw: RawHeader, pax: ReadonlyMap<string, string>): number {
  return numberOf(pax.get("size")) ?? raw.size;
}

/** @throws {Error} for text that is no number. */
function numberOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw new Error(`the archive is damaged: '${value}' is no number`);
}

/**
 * The blocks before an entry's content. The same entry gives the same bytes: pax records only where
 * a field has no room, in the order of their names.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  const name = entry.kind === "directory" ? `${entry.name}/` : entry.name;
  const records = paxRecords(entry, name);
  const header = encodeBlock(flags[entry.kind], entry, name);
  if (records.length === 0) return header;
  const body = Buffer.from(records.map(encodeRecord).join(""), "latin1");
  const base = entry.name.slice(entry.name.lastIndexOf("/") + 1).slice(0, nameBytesMax - 20);
  const blank = { mode: 0o644, uid: 0, gid: 0, mtime: 0, major: 0, minor: 0, linkName: "" };
  const pax = encodeBlock("x", { ...blank, size: body.length }, `PaxHeaders.0/${base}`);
  return Buffer.concat([pax, body, Buffer.alloc(paddingOf(body.length)), header]);
}

function paxRecords(entry: TarEntry, name: string): [key: string, value: string][] {
  const records: [string, string][] = [];
  if (needsRecord(name)) records.push(["path", name]);
  if (needsRecord(entry.linkName)) records.push(["linkpath", entry.linkName]);
  if (entry.uid > idMax) records.push(["uid", String(entry.uid)]);
  if (entry.gid > idMax) records.push(["gid", String(entry.gid)]);
  if (entry.size > wideMax) records.push(["size", String(entry.size)]);
  if (entry.mtime < 0 || entry.mtime > wideMax) records.push(["mtime", String(entry.mtime)]);
  for (const [key, value] of entry.xattrs) records.push([`${xattrPrefix}${key}`, value]);
  return records.sort(([a], [b]) => (a < b ? -1 : 1));
}

function needsRecord(bytes: string): boolean {
  return bytes.length > nameBytesMax || /[\u0080-\u00ff]/.test(bytes);
}

/** The length counts its own digits. */
function encodeRecord([key, value]: readonly [string, string]): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function encodeBlock(
  flag: string,
  entry: Omit<TarEntry, "kind" | "name" | "xattrs">,
  name: string,
): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(name.slice(0, nameBytesMax), 0, "latin1");
  putOctal(block, 100, 8, entry.mode);
  putOctal(block, 108, 8, entry.uid > idMax ? 0 : entry.uid);
  putOctal(block, 116, 8, entry.gid > idMax ? 0 : entry.gid);
  putOctal(block, 124, 12, entry.size > wideMax ? 0 : entry.size);
  putOctal(block, 136, 12, entry.mtime < 0 || entry.mtime > wideMax ? 0 : entry.mtime);
  block.write("        ", 148, "latin1");
  block.write(flag, 156, "latin1");
  block.write(entry.linkName.slice(0, nameBytesMax), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  putOctal(block, 329, 8, entry.major);
  putOctal(block, 337, 8, entry.minor);
  const sum = block.reduce((total, it) => total + it, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function putOctal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
}
