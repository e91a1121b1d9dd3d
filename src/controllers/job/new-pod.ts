import type { Container, EnvVar, Job, Pod } from "#api/gen/types.ts";
import { nameOf } from "#client/object-key.ts";
import { controllerReference } from "#controllers/ownership/claim.ts";
import { podFromTemplate } from "#controllers/pods/template.ts";
import { jobs } from "#client/kinds.ts";
import { indexFailuresKey, indexKey, trackingFinalizer } from "./job-pods.ts";
import type { NewPod } from "./plan.ts";

const indexVariable = "JOB_COMPLETION_INDEX";

/** The pod as it is to be made. Upstream: `getIndexedPodTemplate` and `addCompletionIndexEnvVariables`. */
export function jobPod(job: Job, { index, failures }: NewPod): Pod {
  const template = job.spec?.template ?? {};
  const pod = podFromTemplate(template, job, controllerReference(jobs, job));
  const finalizers = [...(pod.metadata?.finalizers ?? []), trackingFinalizer];
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
  const text = String(index);
  const annotations = {
    ...pod.metadata?.annotations,
    [indexKey]: text,
    ...(failures === undefined ? {} : { [indexFailuresKey]: String(failures) }),
  };
  const labels = { ...pod.metadata?.labels, [indexKey]: text };
  const generateName = `${nameOf(job)}-${text}-`;
  const { spec } = pod;
  if (spec === undefined) return pod;
  return {
    ...pod,
    metadata: { ...pod.metadata, generateName, annotations, labels, finalizers },
    spec: {
      ...spec,
      hostname: spec.hostname ?? `${nameOf(job)}-${text}`,
      containers: spec.containers.map(withIndex),
      ...(spec.initContainers === undefined
        ? {}
        : { initContainers: spec.initContainers.map(withIndex) }),
    },
  };
}

function withIndex(container: Container): Container {
  const env = container.env ?? [];
  if (env.some((it) => it.name === indexVariable)) return container;
  const variable: EnvVar = {
    name: indexVariable,
    valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } },
  };
  return { ...container, env: [...env, variable] };
}
