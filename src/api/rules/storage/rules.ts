import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "#api/gen/types.ts";
import { validateSameSpec } from "#api/rules/networking/validation.ts";
import type { Rules } from "#api/rules/rules.ts";
import * as columns from "./columns.ts";
import * as defaults from "./defaults.ts";
import * as validation from "./validation.ts";

export const persistentVolumeRules: Rules<PersistentVolume> = {
  default: defaults.defaultPersistentVolume,
  create: (it, { now }) => {
    it.status = { phase: "Pending", lastPhaseTransitionTime: now };
  },
  updateStatus: (next, previous, { now }) => {
    const status = (next.status ??= {});
    const [phase, before] = [status.phase ?? "", previous.status?.phase ?? ""];
    const old = previous.status?.lastPhaseTransitionTime;
    if (phase !== before) status.lastPhaseTransitionTime ||= now;
    else if (old !== undefined) status.lastPhaseTransitionTime ||= old;
  },
  validate: validation.validatePersistentVolume,
  validateUpdate: validation.validatePersistentVolumeUpdate,
  printer: columns.persistentVolumePrinter,
};

export const persistentVolumeClaimRules: Rules<PersistentVolumeClaim> = {
  default: defaults.defaultPersistentVolumeClaim,
  create: (it) => {
    it.status = { phase: "Pending" };
  },
  validate: validation.validatePersistentVolumeClaim,
  validateUpdate: validation.validatePersistentVolumeClaimUpdate,
  printer: columns.persistentVolumeClaimPrinter,
};

export const storageClassRules: Rules<StorageClass> = {
  default: defaults.defaultStorageClass,
  validate: validation.validateStorageClass,
  validateUpdate: validation.validateStorageClassUpdate,
  printer: columns.storageClassPrinter,
};

export const csiDriverRules: Rules<CSIDriver> = {
  generation: true,
  allowUnconditionalUpdate: false,
  default: defaults.defaultCsiDriver,
  validate: validation.validateCsiDriver,
  validateUpdate: validation.validateCsiDriverUpdate,
  printer: columns.csiDriverPrinter,
};

export const csiNodeRules: Rules<CSINode> = {
  allowUnconditionalUpdate: false,
  validate: validation.validateCsiNode,
  printer: columns.csiNodePrinter,
};

export const csiStorageCapacityRules: Rules<CSIStorageCapacity> = {
  allowUnconditionalUpdate: false,
  validate: validation.validateCsiStorageCapacity,
  validateUpdate: validation.validateCsiStorageCapacityUpdate,
  printer: columns.csiStorageCapacityPrinter,
};

export const volumeAttachmentRules: Rules<VolumeAttachment> = {
  allowUnconditionalUpdate: false,
  statusKeepsMetadata: true,
  create: (it) => {
    it.status = { attached: false };
  },
  validate: validation.validateVolumeAttachment,
  validateUpdate: validateSameSpec,
  printer: columns.volumeAttachmentPrinter,
};

export const volumeAttributesClassRules: Rules<VolumeAttributesClass> = {
  validate: validation.validateVolumeAttributesClass,
  validateUpdate: validation.validateVolumeAttributesClassUpdate,
  printer: columns.volumeAttributesClassPrinter,
};
