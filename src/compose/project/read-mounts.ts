import { join, normalize, resolve } from "node:path/posix";
import { isJsonObject } from "#api/object.ts";
import type { FileMount, Mount } from "./model.ts";
import { present } from "#base/present.ts";
import type { Reading } from "./reading.ts";
import { bytes } from "./units.ts";

/** Where relative paths of a file begin, and what `~` is. */
export interface Place {
  readonly directory: string;
  readonly home: string;
}

/** An absolute path for one of a file. */
export function resolvePath(path: string, place: Place): string {
  if (path === "~" || path.startsWith("~/")) return join(place.home, path.slice(1));
  return resolve(place.directory, path);
}

/** A path rather than the name of a volume. */
function isPath(source: string): boolean {
  return /^(\/|~|\.{1,2}(\/|$))/.test(source);
}

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/** The short form `[source:]target[:options]`, and the long one. */
export function readMount(at: Reading, place: Place): Mount {
  return isJsonObject(at.value) ? readLong(at, place) : readShort(at, place);
}

function readShort(at: Reading, place: Place): Mount {
  const parts = at.needed().split(":");
  if (parts.length > 3 || parts.some((it) => it === "")) {
    throw at.fail(`invalid volume '${at.needed()}'; expected [SOURCE:]TARGET[:OPTIONS]`);
  }
  const [first = "", second, options = ""] = parts;
  const target = second ?? first;
  if (!target.startsWith("/")) throw at.fail(`the target '${target}' is not an absolute path`);
  if (second === undefined) return { type: "volume", target: cleanPath(target), volume: {} };
  const chosen = options === "" ? [] : options.split(",");
  const common = {
    target: cleanPath(target),
    ...(chosen.includes("ro") ? { read_only: true } : {}),
  };
  const volume = chosen.includes("nocopy") ? { nocopy: true } : {};
  if (!isPath(first)) return { type: "volume", source: first, ...common, volume };
  const propagation = chosen.find((it) => propagations.includes(it));
  const selinux = chosen.find((it) => it === "z" || it === "Z");
  return {
    type: "bind",
    source: resolvePath(first, place),
    ...common,
    bind: present({ propagation, selinux }),
  };
}

/** Without doubled and trailing slashes. */
function cleanPath(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

function readLong(at: Reading, place: Place): Mount {
  const type = typeOf(at.at("type"));
  const source = at.at("source").text();
  if ((type === "bind" || type === "image") && source === undefined) {
    throw at.fail(`missing property 'source', which a ${type} mount needs`);
  }
  const { target } = at.mapping();
  if (typeof target !== "string" || target === "") throw at.fail("missing property 'target'");
  return present<Mount>({
    type,
    source: type === "bind" && source !== undefined ? resolvePath(source, place) : source,
    target: cleanPath(target),
    read_only: at.at("read_only").flag(),
    consistency: at.at("consistency").text(),
    bind: readBind(at.at("bind")),
    volume: readVolumeOptions(at.at("volume")) ?? (type === "volume" ? {} : undefined),
    tmpfs: readMemory(at.at("tmpfs")),
    image: readImageOptions(at.at("image")),
  });
}

function typeOf(at: Reading): Mount["type"] {
  const type = at.text() ?? "";
  if (type === "volume" || type === "bind" || type === "tmpfs" || type === "image") return type;
  throw at.fail(`'${type}' is of Swarm or Windows: use volume, bind, tmpfs or image`);
}

function readImageOptions(at: Reading): Mount["image"] {
  return at.isAbsent ? undefined : present({ subpath: at.at("subpath").text() });
}

function readBind(at: Reading): Mount["bind"] {
  if (at.isAbsent) return undefined;
  return present({
    create_host_path: at.at("create_host_path").flag(),
    propagation: at.at("propagation").oneOf(propagations),
    recursive: at.at("recursive").text(),
    selinux: at.at("selinux").text(),
  });
}

function readVolumeOptions(at: Reading): Mount["volume"] {
  if (at.isAbsent) return undefined;
  return present({
    labels: at.at("labels").labels(),
    nocopy: at.at("nocopy").flag(),
    subpath: at.at("subpath").text(),
  });
}

function readMemory(at: Reading): Mount["tmpfs"] {
  if (at.isAbsent) return undefined;
  return present({ size: bytes(at.at("size")), mode: modeOf(at.at("mode")) });
}

/** A name, or the long form. */
export function readFileMount(at: Reading): FileMount {
  if (!isJsonObject(at.value)) return { source: at.needed() };
  return present<FileMount>({
    source: at.at("source").needed(),
    target: at.at("target").text(),
    mode: modeOf(at.at("mode")),
    uid: at.at("uid").text(),
    gid: at.at("gid").text(),
  });
}

/** A text is octal, `"0440"`; a number is what YAML has made of it. */
function modeOf(at: Reading): number | undefined {
  if (at.isAbsent) return undefined;
  const { value } = at;
  const isOctal = typeof value === "string" && /^(0o)?[0-7]+$/.test(value);
  const mode = isOctal ? Number.parseInt(value.replace("0o", ""), 8) : value;
  if (typeof mode !== "number" || !Number.isInteger(mode) || mode < 0 || mode > 0o7777) {
    throw at.fail("must be a file mode, such as 0440");
  }
  return mode;
}
