import type { Pod, Volume, VolumeProjection } from "#api/gen/types.ts";
import type { NodeFacts } from "#kubelet/pod/pod-fields.ts";
import type { ReferencedObjects } from "#kubelet/ports.ts";
import {
  checkedPath,
  configMapData,
  defaultFileMode,
  downwardFiles,
  secretData,
  selectFiles,
  type Payload,
  type PayloadFile,
} from "./payload.ts";
import type { Tokens } from "./tokens.ts";

export interface SourcePorts {
  readonly objects: ReferencedObjects;
  readonly tokens: Tokens;
  readonly facts: NodeFacts;
}

/**
 * The files of a volume that is made of API data; undefined for other kinds of volume.
 * @throws {Error} when something that is not optional is missing.
 */
export async function volumePayload(
  pod: Pod,
  volume: Volume,
  ports: SourcePorts,
  signal: AbortSignal,
): Promise<Payload | undefined> {
  const reader = new SourceReader(pod, ports, signal);
  if (volume.configMap !== undefined) {
    const { name = "", defaultMode = defaultFileMode } = volume.configMap;
    return await reader.configMap({ ...volume.configMap, name }, defaultMode);
  }
  if (volume.secret !== undefined) {
    const { secretName = "", defaultMode = defaultFileMode } = volume.secret;
    return await reader.secret({ ...volume.secret, name: secretName }, defaultMode);
  }
  if (volume.downwardAPI !== undefined) {
    const { items = [], defaultMode = defaultFileMode } = volume.downwardAPI;
    return downwardFiles(items, defaultMode, pod, ports.facts);
  }
  if (volume.projected === undefined) return undefined;
  const { sources = [], defaultMode = defaultFileMode } = volume.projected;
  const files = new Map<string, PayloadFile>();
  for (const source of sources) {
    const part = await reader.projection(source, defaultMode);
    for (const [path, file] of part) files.set(path, file);
  }
  return files;
}

interface ObjectSource {
  readonly name: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[] | undefined;
  readonly optional?: boolean | undefined;
}

class SourceReader {
  readonly #pod: Pod;
  readonly #ports: SourcePorts;
  readonly #signal: AbortSignal;
  readonly #namespace: string;
  readonly #owner: string;

  constructor(pod: Pod, ports: SourcePorts, signal: AbortSignal) {
    this.#pod = pod;
    this.#ports = ports;
    this.#signal = signal;
    this.#namespace = pod.metadata?.namespace ?? "";
    this.#owner = pod.metadata?.uid ?? "";
  }

  async configMap(source: ObjectSource, mode: number): Promise<Payload> {
    const at = { namespace: this.#namespace, name: source.name };
    const title = `configmap "${source.name}"`;
    const found = await this.#ports.objects.configMap(at, this.#owner, this.#signal);
    const optional = source.optional ?? false;
    if (found === undefined && !optional) throw new Error(`${title} not found`);
    return selectFiles(configMapData(found), { items: source.items, mode, optional, title });
  }

  async secret(source: ObjectSource, mode: number): Promise<Payload> {
    const at = { namespace: this.#namespace, name: source.name };
    const title = `secret "${source.name}"`;
    const found = await this.#ports.objects.secret(at, this.#owner, this.#signal);
    const optional = source.optional ?? false;
    if (found === undefined && !optional) throw new Error(`${title} not found`);
    return selectFiles(secretData(found), { items: source.items, mode, optional, title });
  }

  async projection(source: VolumeProjection, mode: number): Promise<Payload> {
    if (source.configMap !== undefined) {
      return await this.configMap({ ...source.configMap, name: source.configMap.name ?? "" }, mode);
    }
    if (source.secret !== undefined) {
      return await this.secret({ ...source.secret, name: source.secret.name ?? "" }, mode);
    }
    if (source.downwardAPI !== undefined) {
      const { items = [] } = source.downwardAPI;
      return downwardFiles(items, mode, this.#pod, this.#ports.facts);
    }
    if (source.serviceAccountToken !== undefined) {
      const token = source.serviceAccountToken;
      const text = await this.#ports.tokens.get(this.#pod, token, this.#signal);
      const owner = tokenOwner(this.#pod, mode);
      return new Map([[checkedPath(token.path), { content: Buffer.from(text), ...owner }]]);
    }
    throw new Error(`projected volume source ${Object.keys(source).join()} is not supported`);
  }
}

/** A token is its user's alone where all containers run as one user; with fsGroup, the group's. */
function tokenOwner(pod: Pod, mode: number): Pick<PayloadFile, "mode" | "uid"> {
  const { securityContext, containers = [], initContainers = [] } = pod.spec ?? {};
  if (securityContext?.fsGroup !== undefined) return { mode: 0o600 };
  const users = new Set(
    [...containers, ...initContainers].map(
      (it) => it.securityContext?.runAsUser ?? securityContext?.runAsUser,
    ),
  );
  const [user] = users;
  return users.size === 1 && user !== undefined ? { mode: 0o600, uid: user } : { mode };
}
