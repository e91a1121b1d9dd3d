import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from "#api/gen/types.ts";
import { containerResource, podField, type NodeFacts } from "#kubelet/pod/pod-fields.ts";

/** One file of a volume that is made of data. */
export interface PayloadFile {
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Undefined leaves the owner to be root. */
  readonly uid?: number | undefined;
}

/** Files by their path below the volume's directory. */
export type Payload = ReadonlyMap<string, PayloadFile>;

/** What the API gives files whose mode is not said. */
export const defaultFileMode = 0o644;

export interface Selection {
  /** Undefined takes every key under its own name. */
  readonly items: readonly KeyToPath[] | undefined;
  readonly mode: number;
  readonly optional: boolean;
  /** `configmap "settings"`, for messages. */
  readonly title: string;
}

/**
 * The files of a ConfigMap or Secret. @throws {Error} when a key that is named is missing and the
 * source is not optional, or when a path leads out of the volume.
 */
export function selectFiles(data: ReadonlyMap<string, Uint8Array>, selection: Selection): Payload {
  const files = new Map<string, PayloadFile>();
  if (selection.items === undefined) {
    for (const [key, content] of data) files.set(key, { content, mode: selection.mode });
    return files;
  }
  for (const { key, path, mode } of selection.items) {
    const content = data.get(key);
    if (content === undefined) {
      if (selection.optional) continue;
      throw new Error(`${selection.title} references non-existent config key: ${key}`);
    }
    files.set(checkedPath(path), { content, mode: mode ?? selection.mode });
  }
  return files;
}

export function configMapData(map: ConfigMap | undefined): Map<string, Uint8Array> {
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(map?.binaryData ?? {})) {
    data.set(key, Buffer.from(base64, "base64"));
  }
  return data;
}

export function secretData(secret: Secret | undefined): Map<string, Uint8Array> {
  const data = new Map<string, Uint8Array>();
  for (const [key, base64] of Object.entries(secret?.data ?? {})) {
    data.set(key, Buffer.from(base64, "base64"));
  }
  return data;
}

/** The files of the downward API. @throws {Error} naming a field that does not exist. */
export function downwardFiles(
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  pod: Pod,
  facts: NodeFacts,
): Payload {
  const files = new Map<string, PayloadFile>();
  for (const item of items) {
    const content = Buffer.from(downwardText(item, pod, facts));
    files.set(checkedPath(item.path), { content, mode: item.mode ?? defaultMode });
  }
  return files;
}

function downwardText(item: DownwardAPIVolumeFile, pod: Pod, facts: NodeFacts): string {
  if (item.fieldRef !== undefined) {
    const text = podField(item.fieldRef.fieldPath, pod, facts);
    if (text !== undefined) return text;
    throw new Error(`unsupported fieldPath: ${item.fieldRef.fieldPath}`);
  }
  if (item.resourceFieldRef === undefined) return "";
  const { containerName = "", resource, divisor } = item.resourceFieldRef;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const container = [...containers, ...initContainers].find((it) => it.name === containerName);
  if (container === undefined) throw new Error(`couldn't find container ${containerName}`);
  const text = containerResource(resource, divisor, container, facts);
  if (text === undefined) throw new Error(`unsupported container resource : ${resource}`);
  return text;
}

/** A relative path without `..`. @throws {Error} */
export function checkedPath(path: string): string {
  const parts = path.split("/");
  if (path === "" || path.startsWith("/") || parts.includes("..") || path.startsWith("..")) {
    throw new Error(`invalid path '${path}': it must be relative and stay in the volume`);
  }
  return parts.filter((it) => it !== "" && it !== ".").join("/");
}

/** Group bits that fsGroup adds: whoever may read or run it as owner may so as group. */
export function withGroup(payload: Payload): Payload {
  return new Map(
    [...payload].map(([path, file]) => {
      const mode = file.mode | 0o040 | ((file.mode & 0o100) >> 3);
      return [path, { ...file, mode }];
    }),
  );
}
