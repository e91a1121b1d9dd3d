import type { KubernetesObject } from "#api/object.ts";
import type { Informer } from "#client/informer.ts";
import { controllerOf, namespaceOf } from "#client/object-key.ts";

/** Objects that `uid` controls. */
export function controlledBy<T extends KubernetesObject>(informer: Informer<T>, uid: string): T[] {
  informer.addIndex("controller", byController);
  return informer.byIndex("controller", uid);
}

/** Objects of a namespace that nobody controls. */
export function orphansIn<T extends KubernetesObject>(
  informer: Informer<T>,
  namespace: string,
): T[] {
  informer.addIndex("controller", byController);
  return informer.byIndex("controller", `orphan/${namespace}`);
}

export function inNamespace<T extends KubernetesObject>(
  informer: Informer<T>,
  namespace: string,
): T[] {
  informer.addIndex("namespace", byNamespace);
  return informer.byIndex("namespace", namespace);
}

function byController(object: KubernetesObject): string[] {
  return [controllerOf(object)?.uid ?? `orphan/${namespaceOf(object)}`];
}

function byNamespace(object: KubernetesObject): string[] {
  return [namespaceOf(object)];
}
