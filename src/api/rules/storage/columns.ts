import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  orNone,
  typedColumn,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

const modeColumn = wideColumn("VolumeMode", "Whether it is a folder or a raw disk.");
const betaClass = "volume.beta.kubernetes.io/storage-class";

const shortModes = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
] as const;

function formatModes(modes: readonly string[] | undefined): string {
  const found = shortModes.filter(([mode]) => (modes ?? []).includes(mode));
  return found.map(([, text]) => text).join(",");
}

interface Phased {
  readonly metadata?: Loose<ObjectMeta> | undefined;
  readonly status?: { readonly phase?: string | undefined } | undefined;
}

function phaseOf(it: Phased): string {
  return it.metadata?.deletionTimestamp === undefined ? (it.status?.phase ?? "") : "Terminating";
}

interface Classed {
  readonly metadata?: Loose<ObjectMeta> | undefined;
  readonly spec?: { readonly storageClassName?: string | undefined } | undefined;
}

/** Upstream: `GetPersistentVolumeClass`; an old annotation comes first. */
function classOf(it: Classed): string {
  return it.metadata?.annotations?.[betaClass] ?? it.spec?.storageClassName ?? "";
}

export const persistentVolumePrinter: Printer<PersistentVolume> = {
  columns: [
    nameColumn,
    column("Capacity", "How much it holds."),
    column("Access Modes", "How it may be mounted."),
    column("Reclaim Policy", "What becomes of it after its claim."),
    column("Status", "Whether it is bound."),
    column("Claim", "The claim it is bound to."),
    column("StorageClass", "StorageClass of the pv"),
    column("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
    column("Reason", "Why it is in this state."),
    ageColumn,
    modeColumn,
  ],
  cells: (it, nowMs) => {
    const spec = it.spec ?? {};
    const claim = spec.claimRef;
    return [
      nameOf(it),
      spec.capacity?.["storage"] ?? "0",
      formatModes(spec.accessModes),
      spec.persistentVolumeReclaimPolicy ?? "",
      phaseOf(it),
      claim === undefined ? "" : `${claim.namespace ?? ""}/${claim.name ?? ""}`,
      classOf(it),
      spec.volumeAttributesClassName ?? "<unset>",
      it.status?.reason ?? "",
      ageOf(it, nowMs),
      spec.volumeMode ?? "<unset>",
    ];
  },
};

export const persistentVolumeClaimPrinter: Printer<PersistentVolumeClaim> = {
  columns: [
    nameColumn,
    column("Status", "Whether it is bound."),
    column("Volume", "The volume it is bound to."),
    column("Capacity", "How much the volume holds."),
    column("Access Modes", "How it may be mounted."),
    column("StorageClass", "StorageClass of the pvc"),
    column("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
    ageColumn,
    modeColumn,
  ],
  cells: (it, nowMs) => {
    const spec = it.spec ?? {};
    const volume = spec.volumeName ?? "";
    const status = volume === "" ? {} : (it.status ?? {});
    return [
      nameOf(it),
      phaseOf(it),
      volume,
      volume === "" ? "" : (status.capacity?.["storage"] ?? "0"),
      formatModes(status.accessModes),
      classOf(it),
      spec.volumeAttributesClassName ?? "<unset>",
      ageOf(it, nowMs),
      spec.volumeMode ?? "<unset>",
    ];
  },
};

export const storageClassPrinter: Printer<StorageClass> = {
  columns: [
    nameColumn,
    column("Provisioner", "Who makes the volumes."),
    column("ReclaimPolicy", "What becomes of a volume after its claim."),
    column("VolumeBindingMode", "When a volume is made."),
    column("AllowVolumeExpansion", "Whether volumes may grow."),
    ageColumn,
  ],
  cells: (it, nowMs) => [
    nameOf(it) + (isDefaultClass(it) ? " (default)" : ""),
    it.provisioner ?? "",
    it.reclaimPolicy ?? "Delete",
    it.volumeBindingMode ?? "Immediate",
    it.allowVolumeExpansion ?? false,
    ageOf(it, nowMs),
  ],
};

function isDefaultClass(it: Loose<StorageClass>): boolean {
  const annotations = it.metadata?.annotations ?? {};
  return ["storageclass", "storageclass.beta"].some(
    (prefix) => annotations[`${prefix}.kubernetes.io/is-default-class`] === "true",
  );
}

export const volumeAttributesClassPrinter: Printer<VolumeAttributesClass> = {
  columns: [nameColumn, column("DriverName", "The driver it is for."), ageColumn],
  cells: (it, nowMs) => [nameOf(it), it.driverName ?? "", ageOf(it, nowMs)],
};

export const volumeAttachmentPrinter: Printer<VolumeAttachment> = {
  columns: [
    nameColumn,
    column("Attacher", "The driver that attaches it."),
    column("PV", "The volume."),
    column("Node", "The node it is attached to."),
    typedColumn("Attached", "boolean", "Whether it is attached."),
    ageColumn,
  ],
  cells: (it, nowMs) => [
    nameOf(it),
    it.spec?.attacher ?? "",
    it.spec?.source?.persistentVolumeName ?? "",
    it.spec?.nodeName ?? "",
    it.status?.attached ?? false,
    ageOf(it, nowMs),
  ],
};

export const csiNodePrinter: Printer<CSINode> = {
  columns: [
    nameColumn,
    typedColumn(
      "Drivers",
      "integer",
      "Drivers indicates the number of CSI drivers registered on the node",
    ),
    ageColumn,
  ],
  cells: (it, nowMs) => [nameOf(it), (it.spec?.drivers ?? []).length, ageOf(it, nowMs)],
};

export const csiDriverPrinter: Printer<CSIDriver> = {
  columns: [
    nameColumn,
    typedColumn(
      "AttachRequired",
      "boolean",
      "Whether volumes are attached before they are mounted.",
    ),
    typedColumn("PodInfoOnMount", "boolean", "Whether the driver is told about the pod."),
    typedColumn("StorageCapacity", "boolean", "Whether the driver tells how much it has."),
    column("TokenRequests", "Audiences of the tokens that the driver gets."),
    typedColumn("RequiresRepublish", "boolean", "Whether mounts are repeated from time to time."),
    column("Modes", "Kinds of volumes."),
    ageColumn,
  ],
  cells: (it, nowMs) => {
    const spec = it.spec ?? {};
    return [
      nameOf(it),
      spec.attachRequired ?? true,
      spec.podInfoOnMount ?? false,
      spec.storageCapacity ?? false,
      spec.tokenRequests?.map((token) => token.audience ?? "").join(",") ?? "<unset>",
      spec.requiresRepublish ?? false,
      orNone((spec.volumeLifecycleModes ?? []).join(",")),
      ageOf(it, nowMs),
    ];
  },
};

export const csiStorageCapacityPrinter: Printer<CSIStorageCapacity> = {
  columns: [
    nameColumn,
    column("StorageClassName", "The class it is about."),
    column("Capacity", "How much there is."),
  ],
  cells: (it) => [nameOf(it), it.storageClassName ?? "", it.capacity ?? "<unset>"],
};
