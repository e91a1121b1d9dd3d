import type {
  DaemonSet,
  Deployment,
  PersistentVolumeClaim,
  PodTemplate,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
  StatefulSetUpdateStrategy,
} from "#api/gen/types.ts";
import { defaultPodTemplate } from "#api/rules/pod/defaults.ts";
import { defaultClaimSpec } from "#api/rules/pod/volume-defaults.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/apps/v1/defaults.go`. */

export function defaultDeployment(deployment: Draft<Deployment>): void {
  const spec = (deployment.spec ??= {});
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= "25%";
    rolling.maxSurge ??= "25%";
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  defaultPodTemplate((spec.template ??= {}));
}

export function defaultReplicaSet(set: Draft<ReplicaSet>): void {
  const spec = (set.spec ??= {});
  spec.replicas ??= 1;
  defaultPodTemplate((spec.template ??= {}));
}

export function defaultDaemonSet(set: Draft<DaemonSet>): void {
  const spec = (set.spec ??= {});
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate((spec.template ??= {}));
}

export function defaultStatefulSet(set: Draft<StatefulSet>): void {
  const spec = (set.spec ??= {});
  spec.podManagementPolicy ||= "OrderedReady";
  defaultUpdateStrategy((spec.updateStrategy ??= {}));
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ||= "Retain";
  retention.whenScaled ||= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate((spec.template ??= {}));
  for (const it of spec.volumeClaimTemplates ?? []) defaultClaimTemplate(it);
}

function defaultUpdateStrategy(strategy: Draft<StatefulSetUpdateStrategy>): void {
  if ((strategy.type ?? "") === "") {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === "RollingUpdate" && strategy.rollingUpdate !== undefined) {
    strategy.rollingUpdate.partition ??= 0;
  }
}

// Templates of claims are whole objects, and say so. Upstream: conversion of StatefulSetSpec.
function defaultClaimTemplate(claim: Draft<PersistentVolumeClaim>): void {
  claim.apiVersion = "v1";
  claim.kind = "PersistentVolumeClaim";
  defaultClaimSpec((claim.spec ??= {}));
  const status = (claim.status ??= {});
  status.phase ||= "Pending";
}

export function defaultReplicationController(it: Draft<ReplicationController>): void {
  const spec = (it.spec ??= {});
  spec.replicas ??= 1;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) {
    if (isEmptyMap(spec.selector)) spec.selector = { ...labels };
    const metadata = (it.metadata ??= {});
    if (isEmptyMap(metadata.labels)) metadata.labels = { ...labels };
  }
  defaultPodTemplate(spec.template);
}

export function defaultPodTemplateObject(it: Draft<PodTemplate>): void {
  defaultPodTemplate((it.template ??= {}));
}

function isEmptyMap(map: Record<string, string> | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0;
}
