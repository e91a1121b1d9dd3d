import type { PersistentVolumeClaim, Volume, VolumeMount } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import type { FileMount, Mount, Project, Service } from "#compose/project/model.ts";
import { describedSource, quantityOf } from "./described-volume.ts";
import { projectLabels } from "./names.ts";

const claimSize = "1Gi";

export interface VolumePorts {
  /** Whether the path is there and is no directory. */
  readonly isFile: (path: string) => boolean;
}

export interface PodVolumes {
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
  /** Names of volumes of the pod that begin with what the image has in their place. */
  readonly filled: readonly string[];
}

/** The claims of the volumes that the project makes itself. */
export function claims(project: Project): PersistentVolumeClaim[] {
  return Object.entries(project.volumes)
    .filter(([, it]) => it.external !== true && describedSource(it) === undefined)
    .map(([name, volume]) => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        name: claimName(project, name),
        labels: projectLabels(project),
        ...(volume.labels === undefined ? {} : { annotations: { ...volume.labels } }),
      },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: volume.driver_opts?.["size"] ?? claimSize } },
      },
    }));
}

/** What a service mounts of its own, and of the services whose volumes it takes. */
export function allMounts(project: Project, service: Service): readonly Mount[] {
  const own = service.volumes ?? [];
  const taken = (service.volumes_from ?? []).flatMap((it) => {
    const [name = "", mode] = it.split(":");
    const theirs = (project.services[name]?.volumes ?? []).filter(
      (mount) => mount.source !== undefined,
    );
    return mode === "ro" ? theirs.map((mount) => ({ ...mount, read_only: true })) : theirs;
  });
  const targets = new Set(own.map((it) => it.target));
  return [...own, ...taken.filter((it) => !targets.has(it.target))];
}

/** All that a service mounts. Volumes have numbers for names: paths would not be names. */
export function volumesOf(project: Project, service: Service, ports: VolumePorts): PodVolumes {
  const volumes: Volume[] = [];
  const mounts: VolumeMount[] = [];
  const filled: string[] = [];
  const byClaim = new Map<string, string>();
  const add = (source: Omit<Volume, "name">): string => {
    const name = `volume-${volumes.length + 1}`;
    volumes.push({ name, ...source });
    return name;
  };
  for (const mount of allMounts(project, service)) {
    const source = sourceOf(project, mount, ports);
    // A claim that is mounted twice is one volume of the pod.
    const claim = source.persistentVolumeClaim?.claimName ?? "";
    const name = byClaim.get(claim) ?? add(source);
    if (claim !== "") byClaim.set(claim, name);
    if (isFilled(mount, source) && !filled.includes(name)) filled.push(name);
    mounts.push(mountOf(mount, name));
  }
  for (const entry of service.tmpfs ?? []) {
    const { path, ...emptyDir } = memoryOf(entry);
    mounts.push({ name: add({ emptyDir }), mountPath: path });
  }
  if (service.shm_size !== undefined) {
    const emptyDir = { medium: "Memory", sizeLimit: String(service.shm_size) };
    mounts.push({ name: add({ emptyDir }), mountPath: "/dev/shm" });
  }
  for (const kind of ["configs", "secrets"] as const) {
    for (const it of service[kind] ?? []) {
      mounts.push(fileMount(add(fileSource(project, kind, it)), kind, it));
    }
  }
  return { volumes, mounts, filled };
}

/** Docker copies what the image has in its place into a volume that is new. */
function isFilled({ type, volume }: Mount, source: Omit<Volume, "name">): boolean {
  const isOwn = source.persistentVolumeClaim !== undefined || source.emptyDir !== undefined;
  return type === "volume" && isOwn && volume?.nocopy !== true && volume?.subpath === undefined;
}

function claimName(project: Project, name: string): string {
  return objectName(project.volumes[name]?.name ?? name);
}

function sourceOf(project: Project, mount: Mount, { isFile }: VolumePorts): Omit<Volume, "name"> {
  const { type, source } = mount;
  if (type === "tmpfs") {
    const size = mount.tmpfs?.size;
    const sizeLimit = size === undefined ? {} : { sizeLimit: String(size) };
    return { emptyDir: { medium: "Memory", ...sizeLimit } };
  }
  if (source === undefined) return { emptyDir: {} };
  if (type === "image") return { image: { reference: source } };
  if (type === "volume") {
    const described = describedSource(project.volumes[source] ?? {});
    return described ?? { persistentVolumeClaim: { claimName: claimName(project, source) } };
  }
  const makes = mount.bind?.create_host_path !== false && !isFile(source);
  return { hostPath: { path: source, ...(makes ? { type: "DirectoryOrCreate" } : {}) } };
}

const propagations: Readonly<Record<string, string>> = {
  shared: "Bidirectional",
  rshared: "Bidirectional",
  slave: "HostToContainer",
  rslave: "HostToContainer",
};

function mountOf(mount: Mount, name: string): VolumeMount {
  const propagation = propagations[mount.bind?.propagation ?? ""];
  const subPath = mount.volume?.subpath ?? mount.image?.subpath;
  return {
    name,
    mountPath: mount.target,
    ...(mount.read_only === true ? { readOnly: true } : {}),
    ...(subPath === undefined ? {} : { subPath }),
    ...(propagation === undefined ? {} : { mountPropagation: propagation }),
  };
}

/** Key of the content in the ConfigMap or Secret. */
export const contentKey = "content";

/** Name of the ConfigMap or Secret of a config or secret. */
export function sourceName(project: Project, kind: "configs" | "secrets", name: string): string {
  return objectName(project[kind][name]?.name ?? name);
}

function fileSource(
  project: Project,
  kind: "configs" | "secrets",
  { source, mode }: FileMount,
): Omit<Volume, "name"> {
  const name = sourceName(project, kind, source);
  const defaultMode = mode ?? 0o444;
  return kind === "secrets"
    ? { secret: { secretName: name, defaultMode } }
    : { configMap: { name, defaultMode } };
}

function fileMount(name: string, kind: "configs" | "secrets", it: FileMount): VolumeMount {
  const usual = kind === "secrets" ? "/run/secrets/" : "/";
  const target = it.target ?? it.source;
  const mountPath = target.startsWith("/") ? target : `${usual}${target}`;
  return { name, mountPath, subPath: contentKey, readOnly: true };
}

/** `/run` or `/run:size=64m`. */
function memoryOf(entry: string): { path: string; medium: string; sizeLimit?: string } {
  const [path = "", options = ""] = entry.split(":");
  const [, size] = /(?:^|,)size=(\d+[kmg]?)/i.exec(options) ?? [];
  return { path, medium: "Memory", ...(size === undefined ? {} : { sizeLimit: quantityOf(size) }) };
}
