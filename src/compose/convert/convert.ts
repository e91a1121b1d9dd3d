import type { ConfigMap, Secret } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { FileSource, Project } from "#compose/project/model.ts";
import { ComposeError } from "#compose/project/reading.ts";
import { projectLabels } from "./names.ts";
import { losses } from "./losses.ts";
import { networkPolicies } from "./policies.ts";
import { nameServices, publishedService } from "./services.ts";
import { claims, contentKey, sourceName } from "./volumes.ts";
import { workloadOf, type Workload, type WorkloadOptions } from "./workloads.ts";

export interface ConvertOptions extends WorkloadOptions {
  /** Content of the configs and secrets that are not in the cluster already, by name. */
  readonly contents: {
    readonly configs: Readonly<Record<string, Buffer>>;
    readonly secrets: Readonly<Record<string, Buffer>>;
  };
}

export interface Manifests {
  /** All but the workloads. */
  readonly shared: readonly KubernetesObject[];
  readonly workloads: Readonly<Record<string, Workload>>;
  /** What the files ask for and the manifests do not say. */
  readonly warnings: readonly string[];
}

/**
 * The objects of a cluster that a project stands for. @throws {ComposeError} for a service that is no
 * container.
 */
export function convert(project: Project, options: ConvertOptions): Manifests {
  refuseProviders(project);
  const names = nameServices(project);
  const services = Object.entries(project.services);
  const published = services.flatMap(
    ([name, it]) => publishedService(project, name, it, options.publish) ?? [],
  );
  return {
    shared: [
      ...filesOf(project, options),
      ...claims(project),
      ...names.services,
      ...published,
      ...networkPolicies(project),
    ],
    workloads: Object.fromEntries(
      services.map(([name, it]) => [name, workloadOf(project, name, it, options)]),
    ),
    warnings: [...names.warnings, ...losses(project, options.publish)],
  };
}

function refuseProviders({ services }: Project): void {
  for (const [name, { provider }] of Object.entries(services)) {
    if (provider === undefined) continue;
    throw new ComposeError(
      `services.${name}.provider`,
      "services of providers are not run here: give it an image, or a profile that is not on",
    );
  }
}

function filesOf(project: Project, { contents }: ConvertOptions): (ConfigMap | Secret)[] {
  const made = (kind: "configs" | "secrets"): (readonly [string, Buffer, FileSource])[] =>
    Object.entries(project[kind]).flatMap(([name, source]) => {
      const content = contents[kind][name];
      return content === undefined || source.external === true ? [] : [[name, content, source]];
    });
  const labels = projectLabels(project);
  return [
    ...made("configs").map(([name, content]): ConfigMap => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: sourceName(project, "configs", name), labels },
      binaryData: { [contentKey]: content.toString("base64") },
    })),
    ...made("secrets").map(([name, content]): Secret => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: sourceName(project, "secrets", name), labels },
      data: { [contentKey]: content.toString("base64") },
    })),
  ];
}
