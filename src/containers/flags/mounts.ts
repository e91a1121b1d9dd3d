import { parseBytes } from "#base/amounts.ts";
import { UsageError } from "#containers/usage-error.ts";

export interface ContainerMount {
  readonly type: "volume" | "bind" | "tmpfs";
  /** A volume's name or an absolute path; undefined for a volume without a name and for tmpfs. */
  readonly source?: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
  readonly subpath?: string | undefined;
  readonly propagation?: string | undefined;
  /** What the image has at the target is not copied into the new volume. */
  readonly noCopy?: boolean | undefined;
  /** Of a bind: whether a directory is made where nothing is. */
  readonly makes?: boolean | undefined;
  /** Bytes of a tmpfs. */
  readonly size?: number | undefined;
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
/** Options of `-v` that say nothing here. */
const ignored = ["rw", "z", "Z", "cached", "delegated", "consistent"];

/**
 * `-v [SOURCE:]TARGET[:OPTIONS]`. A source with a slash or a dot at its beginning is a path.
 * @param resolve makes a path absolute. @throws {UsageError}
 */
export function parseVolume(text: string, resolve: (path: string) => string): ContainerMount {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((it) => it === "")) {
    throw new UsageError(`invalid spec '${text}': expected [SOURCE:]TARGET[:OPTIONS]`);
  }
  const [first = "", second, words = ""] = parts;
  const target = checkTarget(second ?? first, text);
  if (second === undefined) return { type: "volume", target, readOnly: false };
  const options = words === "" ? [] : words.split(",");
  const unknown = options.find((it) => !["ro", "nocopy", ...ignored, ...propagations].includes(it));
  if (unknown !== undefined) {
    throw new UsageError(`invalid spec '${text}': unknown option '${unknown}'`);
  }
  const readOnly = options.includes("ro");
  if (/^[/.~]/.test(first)) {
    const propagation = options.find((it) => propagations.includes(it));
    return { type: "bind", source: resolve(first), target, readOnly, propagation, makes: true };
  }
  const noCopy = options.includes("nocopy");
  return { type: "volume", source: checkVolumeName(first), target, readOnly, noCopy };
}

const keys: Readonly<Record<string, string | undefined>> = {
  type: "type",
  src: "source",
  source: "source",
  dst: "target",
  destination: "target",
  target: "target",
  ro: "readonly",
  readonly: "readonly",
  "volume-nocopy": "nocopy",
  "volume-subpath": "subpath",
  "bind-propagation": "propagation",
  "tmpfs-size": "size",
  "tmpfs-mode": "ignored",
  consistency: "ignored",
};

/** `--mount type=…,source=…,target=…`. @throws {UsageError} */
export function parseMount(text: string, resolve: (path: string) => string): ContainerMount {
  const found = new Map<string, string>();
  for (const field of text.split(",")) {
    const [key, value] = split(field, "=");
    const name = keys[key.toLowerCase()];
    if (name === undefined) throw new UsageError(`--mount ${text}: unexpected key '${key}'`);
    found.set(name, value ?? "true");
  }
  const type = found.get("type") ?? "volume";
  if (type !== "volume" && type !== "bind" && type !== "tmpfs") {
    throw new UsageError(`--mount ${text}: the type is volume, bind or tmpfs, not '${type}'`);
  }
  const target = checkTarget(found.get("target") ?? "", text);
  const source = found.get("source");
  const readOnly = isTrue(found.get("readonly"));
  if (type === "tmpfs") return { type, target, readOnly: false, size: sizeOf(found.get("size")) };
  if (type === "bind") {
    if (source === undefined) throw new UsageError(`--mount ${text}: a bind needs a source`);
    const propagation = found.get("propagation");
    return { type, source: resolve(source), target, readOnly, propagation, makes: false };
  }
  return {
    type,
    source: source === undefined ? undefined : checkVolumeName(source),
    target,
    readOnly,
    subpath: found.get("subpath"),
    noCopy: isTrue(found.get("nocopy")),
  };
}

/** `--tmpfs PATH[:size=64m,…]`; other options of tmpfs are the kernel's defaults. */
export function parseTmpfs(text: string): ContainerMount {
  const [path, options = ""] = split(text, ":");
  const [, size] = /(?:^|,)size=(\w+)/.exec(options) ?? [];
  const target = checkTarget(path, text);
  return { type: "tmpfs", target, readOnly: false, size: sizeOf(size) };
}

/** @throws {UsageError} for what no volume may be called. */
export function checkVolumeName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new UsageError(
    `"${name}" includes invalid characters for a volume name: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed. If you intended to pass a host directory, use an absolute path`,
  );
}

function checkTarget(target: string, text: string): string {
  if (target === "/") throw new UsageError(`invalid spec '${text}': the target can't be '/'`);
  if (target.startsWith("/")) return target;
  throw new UsageError(`invalid mount '${text}': the target '${target}' is no absolute path`);
}

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = parseBytes(text);
  if (size === undefined) throw new UsageError(`'${text}' is no size; expected one like 64m`);
  return size;
}

function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1";
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
