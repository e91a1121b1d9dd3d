export type EntryKind = "file" | "directory" | "symlink" | "link" | "character" | "block" | "fifo";

/**
 * An entry of a tar archive. Names are bytes, one in each character (`latin1`), since a file's name
 * need not be UTF-8; {@link toBytesText} and {@link fromBytesText} convert.
 */
export interface TarEntry {
  readonly kind: EntryKind;
  /** Without slashes at its end. */
  readonly name: string;
  /** Of a link or symlink; else empty. */
  readonly linkName: string;
  /** Permissions with setuid, setgid and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
  /** Extended attributes by name: bytes in characters, as names are. */
  readonly xattrs: ReadonlyMap<string, string>;
}

/** An empty file of root's without a name. */
export const plainEntry: TarEntry = {
  kind: "file",
  name: "",
  linkName: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  major: 0,
  minor: 0,
  xattrs: new Map(),
};

export function toBytesText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function fromBytesText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export const blockBytes = 512;

/** Bytes after a content of `size` up to the next block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}
