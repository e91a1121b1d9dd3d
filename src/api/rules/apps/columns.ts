import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  PodTemplate,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  containerImages,
  containerNames,
  containersColumn,
  formatLabels,
  formatSelector,
  imagesColumn,
  nameColumn,
  nameOf,
  selectorColumn,
  typedColumn,
} from "#api/rules/columns.ts";
import type { Printer } from "#api/rules/rules.ts";

export const deploymentPrinter: Printer<Deployment> = {
  columns: [
    nameColumn,
    column("Ready", "Number of the pod with ready state"),
    column("Up-to-date", "Pods of the current template."),
    column("Available", "Pods that have been ready for long enough."),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  cells: (it, nowMs) => {
    const { spec = {}, status = {} } = it;
    const containers = spec.template?.spec?.containers;
    return [
      nameOf(it),
      `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
      status.updatedReplicas ?? 0,
      status.availableReplicas ?? 0,
      ageOf(it, nowMs),
      containerNames(containers),
      containerImages(containers),
      formatSelector(spec.selector),
    ];
  },
};

const replicaColumns = [
  nameColumn,
  typedColumn("Desired", "integer", "Pods that there should be."),
  typedColumn("Current", "integer", "Pods that there are."),
  typedColumn("Ready", "integer", "Pods that are ready."),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

export const replicaSetPrinter: Printer<ReplicaSet> = {
  columns: replicaColumns,
  cells: (it, nowMs) => [
    nameOf(it),
    it.spec?.replicas ?? 0,
    it.status?.replicas ?? 0,
    it.status?.readyReplicas ?? 0,
    ageOf(it, nowMs),
    containerNames(it.spec?.template?.spec?.containers),
    containerImages(it.spec?.template?.spec?.containers),
    formatSelector(it.spec?.selector),
  ],
};

export const replicationControllerPrinter: Printer<ReplicationController> = {
  columns: replicaColumns,
  cells: (it, nowMs) => [
    nameOf(it),
    it.spec?.replicas ?? 0,
    it.status?.replicas ?? 0,
    it.status?.readyReplicas ?? 0,
    ageOf(it, nowMs),
    containerNames(it.spec?.template?.spec?.containers),
    containerImages(it.spec?.template?.spec?.containers),
    formatLabels(it.spec?.selector),
  ],
};

export const statefulSetPrinter: Printer<StatefulSet> = {
  columns: [
    nameColumn,
    column("Ready", "Number of the pod with ready state"),
    ageColumn,
    containersColumn,
    imagesColumn,
  ],
  cells: (it, nowMs) => [
    nameOf(it),
    `${it.status?.readyReplicas ?? 0}/${it.spec?.replicas ?? 0}`,
    ageOf(it, nowMs),
    containerNames(it.spec?.template?.spec?.containers),
    containerImages(it.spec?.template?.spec?.containers),
  ],
};

export const daemonSetPrinter: Printer<DaemonSet> = {
  columns: [
    nameColumn,
    typedColumn("Desired", "integer", "Nodes that should run its pod."),
    typedColumn("Current", "integer", "Nodes that run its pod."),
    typedColumn("Ready", "integer", "Nodes whose pod is ready."),
    typedColumn("Up-to-date", "integer", "Nodes whose pod is of the current template."),
    typedColumn("Available", "integer", "Nodes whose pod has been ready for long enough."),
    column("Node Selector", "Labels of the nodes it runs on."),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  cells: (it, nowMs) => {
    const status = it.status ?? {};
    const pod = it.spec?.template?.spec;
    return [
      nameOf(it),
      status.desiredNumberScheduled ?? 0,
      status.currentNumberScheduled ?? 0,
      status.numberReady ?? 0,
      status.updatedNumberScheduled ?? 0,
      status.numberAvailable ?? 0,
      formatLabels(pod?.nodeSelector),
      ageOf(it, nowMs),
      containerNames(pod?.containers),
      containerImages(pod?.containers),
      formatSelector(it.spec?.selector),
    ];
  },
};

export const controllerRevisionPrinter: Printer<ControllerRevision> = {
  columns: [
    nameColumn,
    column("Controller", "Controller of the object"),
    column("Revision", "Number of the revision."),
    ageColumn,
  ],
  cells: (it, nowMs) => {
    const owner = (it.metadata?.ownerReferences ?? []).find((ref) => ref.controller === true);
    return [
      nameOf(it),
      owner === undefined ? "<none>" : ownerName(owner.apiVersion, owner.kind, owner.name),
      it.revision ?? 0,
      ageOf(it, nowMs),
    ];
  },
};

function ownerName(apiVersion = "", kind = "", name = ""): string {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : `.${apiVersion.slice(0, slash)}`;
  return `${kind.toLowerCase()}${group}/${name}`;
}

export const podTemplatePrinter: Printer<PodTemplate> = {
  columns: [
    nameColumn,
    column("Containers", "Names of each container in the template."),
    column("Images", "Images referenced by each container in the template."),
    column("Pod Labels", "The labels for the pod template."),
  ],
  cells: (it) => [
    nameOf(it),
    containerNames(it.template?.spec?.containers),
    containerImages(it.template?.spec?.containers),
    formatLabels(it.template?.metadata?.labels),
  ],
};
