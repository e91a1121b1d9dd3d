import type { Volume } from "#api/gen/types.ts";
import type { NamedVolume } from "#compose/project/model.ts";

type Source = Omit<Volume, "name">;

/**
 * What the options of a volume's driver describe, as `mount` takes them: a directory of the node, NFS,
 * memory. Undefined for a volume that is made.
 */
export function describedSource({
  driver = "local",
  driver_opts: options,
}: NamedVolume): Source | undefined {
  const { type = "", o = "", device } = options ?? {};
  if (driver !== "local") return undefined;
  const words = o.split(",");
  if (type === "tmpfs") return memory(words);
  if (device === undefined) return undefined;
  if (/^nfs4?$/.test(type)) return networkFiles(device, words);
  const isBind = device.startsWith("/") && words.some((it) => it === "bind" || it === "rbind");
  return isBind ? { hostPath: { path: device } } : undefined;
}

function memory(words: readonly string[]): Source {
  const size = valueOf(words, "size");
  const sizeLimit = size === undefined ? {} : { sizeLimit: quantityOf(size) };
  return { emptyDir: { medium: "Memory", ...sizeLimit } };
}

/** A device is `:/path`, or `server:/path`. */
function networkFiles(device: string, words: readonly string[]): Source | undefined {
  const [, host = "", path = ""] = /^([^/]*):(\/.*)$/.exec(device) ?? [];
  const server = valueOf(words, "addr") ?? host;
  if (server === "" || path === "") return undefined;
  return { nfs: { server, path, ...(words.includes("ro") ? { readOnly: true } : {}) } };
}

function valueOf(words: readonly string[], name: string): string | undefined {
  return words.find((it) => it.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Docker's `64m` as a quantity. */
export function quantityOf(size: string): string {
  const unit = size.slice(-1).toLowerCase();
  return /\d/.test(unit)
    ? size
    : `${size.slice(0, -1)}${{ k: "Ki", m: "Mi", g: "Gi" }[unit] ?? ""}`;
}
