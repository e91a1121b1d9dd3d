import { objectName } from "#api/names.ts";
import type { Project, Service } from "#compose/project/model.ts";

export const projectLabel = "gantry.dev/compose-project";
export const serviceLabel = "gantry.dev/compose-service";
/** Of pods: which state of their service's definition they are made from. */
export const templateLabel = "gantry.dev/template";
/** Followed by the name of a network that the pod is in. */
export const networkLabelPrefix = "gantry.dev/compose-network-";

/** Labels of everything of a project. */
export function projectLabels(project: Project): Record<string, string> {
  return {
    "app.kubernetes.io/part-of": project.name,
    "app.kubernetes.io/managed-by": "gantry-compose",
    [projectLabel]: project.name,
  };
}

/** Labels of everything of a service. */
export function serviceLabels(project: Project, service: string): Record<string, string> {
  return {
    ...projectLabels(project),
    "app.kubernetes.io/name": objectName(service),
    [serviceLabel]: objectName(service),
  };
}

/** The labels that tell the pods of a service from all others. */
export function serviceSelector(project: Project, service: string): Record<string, string> {
  return { [projectLabel]: project.name, [serviceLabel]: objectName(service) };
}

/** The image of a service, which a build without a name is called by as well. */
export function imageOf(project: Project, name: string, service: Service): string {
  return service.image ?? `${project.name}-${name}`;
}

/** The networks of a service; none said means the default one. */
export function networksOf(service: Service): readonly string[] {
  if (service.network_mode !== undefined) return [];
  const names = Object.keys(service.networks ?? {});
  return names.length === 0 ? ["default"] : names;
}
