import type { CachedObject } from "./cached-object.ts";
import type { Labels } from "./stored-form.ts";

/** Which objects of a kind a list or watch is about. */
export interface ObjectFilter {
  /** Equal ids select equally. */
  readonly id: string;
  /** Only this namespace; undefined: all. */
  readonly namespace: string | undefined;
  /** Only this name, from `metadata.name=`; undefined: all. */
  readonly name: string | undefined;
  /** Only objects whose `spec.nodeName` is this, so that an index serves; undefined: all. */
  readonly nodeName: string | undefined;
  /** True when nothing but the namespace is asked for. */
  readonly all: boolean;
  matches(object: CachedObject): boolean;
}

/** Builds a filter; `labels` and `fields` are undefined where nothing is asked. */
export function objectFilter(it: {
  readonly id: string;
  readonly namespace: string | undefined;
  readonly name?: string | undefined;
  readonly nodeName?: string | undefined;
  readonly labels?: ((labels: Labels) => boolean) | undefined;
  readonly fields?: ((object: CachedObject) => boolean) | undefined;
}): ObjectFilter {
  const { namespace, name, labels, fields } = it;
  return {
    id: `${namespace ?? "*"}\n${it.id}`,
    namespace,
    name,
    nodeName: it.nodeName,
    all: name === undefined && labels === undefined && fields === undefined,
    matches(object) {
      if (namespace !== undefined && object.namespace !== namespace) return false;
      if (name !== undefined && object.name !== name) return false;
      if (labels !== undefined && !labels(object.labels)) return false;
      return fields === undefined || fields(object);
    },
  };
}
