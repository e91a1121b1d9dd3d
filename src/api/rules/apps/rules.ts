import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  PodSpec,
  PodTemplate,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from "#api/gen/types.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import { checkPodTemplate } from "#api/rules/pod/validation.ts";
import { specWarnings } from "#api/rules/pod/warnings.ts";
import type { Draft, Loose, Rules } from "#api/rules/rules.ts";
import * as columns from "./columns.ts";
import * as defaults from "./defaults.ts";
import * as status from "./status.ts";
import * as validation from "./validation.ts";

interface Templated {
  readonly metadata?: { readonly generation?: number | undefined } | undefined;
  readonly spec?:
    { readonly template?: { readonly spec?: Loose<PodSpec> | undefined } | undefined } | undefined;
}

/** Warnings about the template, when it is new or has changed. */
function templateWarnings(next: Templated, previous: Templated | undefined): string[] {
  const template = next.spec?.template;
  if (previous !== undefined && semanticEqual(template, previous.spec?.template)) return [];
  return specWarnings(template?.spec ?? {}, "spec.template.spec");
}

export const deploymentRules: Rules<Deployment> = {
  generation: true,
  generationCountsAnnotations: true,
  default: defaults.defaultDeployment,
  updateStatus: (next, previous) => {
    const metadata = (next.metadata ??= {});
    delete metadata.labels;
    const labels = previous.metadata?.labels;
    if (labels !== undefined) metadata.labels = { ...labels };
  },
  validate: validation.validateDeployment,
  validateUpdate: validation.validateSameSelector,
  validateStatus: status.validateDeploymentStatus,
  warnings: templateWarnings,
  printer: columns.deploymentPrinter,
};

export const replicaSetRules: Rules<ReplicaSet> = {
  generation: true,
  default: defaults.defaultReplicaSet,
  validate: validation.validateReplicaSet,
  validateUpdate: validation.validateSameSelector,
  validateStatus: status.validateReplicaSetStatus,
  warnings: templateWarnings,
  printer: columns.replicaSetPrinter,
};

export const statefulSetRules: Rules<StatefulSet> = {
  generation: true,
  default: defaults.defaultStatefulSet,
  validate: validation.validateStatefulSet,
  validateUpdate: validation.validateStatefulSetUpdate,
  validateStatus: status.validateStatefulSetStatus,
  warnings: templateWarnings,
  printer: columns.statefulSetPrinter,
};

const templateGeneration = "deprecated.daemonset.template.generation";

export const daemonSetRules: Rules<DaemonSet> = {
  generation: true,
  default: defaults.defaultDaemonSet,
  create: (set) => {
    const annotations = ((set.metadata ??= {}).annotations ??= {});
    if (!(Number(annotations[templateGeneration]) >= 1)) annotations[templateGeneration] = "1";
  },
  update: countTemplates,
  validate: validation.validateDaemonSet,
  validateUpdate: validation.validateSameSelector,
  validateStatus: status.validateDaemonSetStatus,
  warnings: templateWarnings,
  printer: columns.daemonSetPrinter,
};

/** An annotation counts the changes of the template: what is left of an old field. */
function countTemplates(next: Draft<DaemonSet>, previous: Loose<DaemonSet>): void {
  const before = Number(previous.metadata?.annotations?.[templateGeneration] ?? "1");
  const isSame = semanticEqual(next.spec?.template, previous.spec?.template);
  const annotations = ((next.metadata ??= {}).annotations ??= {});
  annotations[templateGeneration] = String(isSame ? before : before + 1);
}

export const controllerRevisionRules: Rules<ControllerRevision> = {
  validate: validation.validateControllerRevision,
  validateUpdate: validation.validateControllerRevisionUpdate,
  printer: columns.controllerRevisionPrinter,
};

export const replicationControllerRules: Rules<ReplicationController> = {
  generation: true,
  default: defaults.defaultReplicationController,
  validate: validation.validateReplicationController,
  validateStatus: status.validateReplicaSetStatus,
  warnings: templateWarnings,
  printer: columns.replicationControllerPrinter,
};

export const podTemplateRules: Rules<PodTemplate> = {
  generation: true,
  default: defaults.defaultPodTemplateObject,
  validate: (it, at) => {
    checkPodTemplate("template", it.template ?? {}, at);
  },
  printer: columns.podTemplatePrinter,
};
