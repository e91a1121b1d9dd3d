import { join, resolve } from "node:path";
import { isJsonObject } from "#api/object.ts";
import type { FileMount, Mount } from "./model.ts";
import { present } from "#base/present.ts";
import type { Reading } from "./reading.ts";
import { bytes } from "./units.ts";

/** An absolute path for one of a file. */
export function resolvePath(
  path: string,
  place: { readonly directory: string; readonly home: string },
): string {
  if (path === "~" || path.startsWith("~/")) return join(place.home, path.slice(1));
  return resolve(place.directory, path);
}

/** A path rather than the name of a volume. */
function isPath(source: string): boolean {
  return /^(\/|~|\.{1,2}(\/|$))/.test(source);
}

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/** The short form `[source:]target[:options]`, and the long one. */
export function readMount(
  at: Reading,
  place: { readonly directory: string; readonly home: string },
): Mount {
  return isJsonObject(at.value) ? readLong(at, place) : readShort(at, place);
}

function readShort(at: Reading, place: Parameters<typeof resolvePath>[1]): Mount {
  const parts = at.needed().split(":");
  if (parts.length > 3 || parts.some((it) => it === "")) {
    throw at.fail(`invalid volume '${at.needed()}'; expected [SOURCE:]TARGET[:OPTIONS]`);
  }
  const [first = "", target, options = ""] = parts;
  if (target === undefined) return { type: "volume", target: first };
  if (!target.startsWith("/")) throw at.fail(`the target '${target}' is not an absolute path`);
  const chosen = options === "" ? [] : options.split(",");
  const common = {
    target,
    ...(chosen.includes("ro") ? { read_only: true } : {}),
  };
  const noCopy = chosen.includes("nocopy") ? { no_copy: true } : {};
  if (!isPath(first)) return { type: "volume", source: first, ...common, ...noCopy };
  const propagation = chosen.find((it) => propagations.includes(it));
  return {
    type: "bind",
    source: resolvePath(first, place),
    ...common,
    create_host_path: true,
    ...(propagation === undefined ? {} : { propagation }),
  };
}

function readLong(at: Reading, place: Parameters<typeof resolvePath>[1]): Mount {
  at.mapping([
    "type",
    "source",
    "target",
    "read_only",
    "consistency",
    "bind",
    "volume",
    "tmpfs",
    "image",
  ]);
  const type = at.at("type").oneOf(["volume", "bind", "tmpfs"]);
  if (type === undefined) throw at.at("type").fail("is required");
  const source = at.at("source").text();
  if (type === "bind" && source === undefined) throw at.at("source").fail("is required");
  const isBind = type === "bind";
  const fields: Mount = {
    type,
    source: isBind && source !== undefined ? resolvePath(source, place) : source,
    target: at.at("target").needed(),
    read_only: at.at("read_only").flag(),
    subpath: at.at("volume").at("subpath").text(),
    no_copy: at.at("volume").at("nocopy").flag(),
    create_host_path: isBind ? (at.at("bind").at("create_host_path").flag() ?? true) : undefined,
    propagation: at.at("bind").at("propagation").text(),
    size: bytes(at.at("tmpfs").at("size")),
  };
  return present(fields);
}

/** A name, or the long form. */
export function readFileMount(at: Reading): FileMount {
  if (!isJsonObject(at.value)) return { source: at.needed() };
  at.mapping(["source", "target", "uid", "gid", "mode"]);
  const target = at.at("target").text();
  const mode = modeOf(at.at("mode"));
  return {
    source: at.at("source").needed(),
    ...(target === undefined ? {} : { target }),
    ...(mode === undefined ? {} : { mode }),
  };
}

/** Octal: `"0440"`, `0440`, which YAML 1.2 reads as 440, and `0o440`, which it reads as 288. */
function modeOf(at: Reading): number | undefined {
  const text = at.text();
  if (text === undefined) return undefined;
  const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw at.fail("must be a file mode");
  return mode;
}
