import {
  checkFields,
  matchesFields,
  parseFieldSelector,
  requiredField,
} from "#api/selector/field.ts";
import { matchesLabels, type Labels, type LabelSelector } from "#api/selector/label.ts";
import { parseLabelSelector } from "#api/selector/parse-label.ts";
import type { Resource } from "#api/resource.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { objectFilter, type ObjectFilter } from "#apiserver/cache/object-filter.ts";
import { storedField } from "./field-values.ts";
import type { Kind } from "./kind.ts";

/** What a list or watch selects, from its namespace and selectors. */
export function selectionOf(
  { resource, cache }: Kind,
  namespace: string,
  selectors: { readonly labelSelector: string; readonly fieldSelector: string },
  onlyName?: string,
): ObjectFilter {
  const labels = parseLabelSelector(selectors.labelSelector);
  const fields = parseFieldSelector(selectors.fieldSelector);
  checkFields(fields, resource);
  const name = onlyName ?? requiredField(fields, "metadata.name");
  const inNamespace = requiredField(fields, "metadata.namespace");
  // Objects without a node are in no index: `spec.nodeName=` is what schedulers ask for.
  const nodeName = requiredField(fields, "spec.nodeName");
  const scope = scopeOf(resource, namespace, inNamespace);
  const valueOf = valuesOf(cache.resource);
  return objectFilter({
    id: `${onlyName ?? ""}\n${selectors.labelSelector}\n${selectors.fieldSelector}`,
    namespace: scope,
    name,
    nodeName: nodeName === "" ? undefined : nodeName,
    labels: labels.requirements.length === 0 && !labels.nothing ? undefined : labelTest(labels),
    fields:
      fields.terms.length === 0
        ? undefined
        : (object) => matchesFields(fields, (field) => valueOf(object, field)),
  });
}

/** The test of a label selector; plain equality, which is what most ask for, without a loop in it. */
function labelTest(selector: LabelSelector): (labels: Labels) => boolean {
  const [first, second] = selector.requirements;
  const isPlain = first?.operator === "=" || first?.operator === "==";
  if (!isPlain || second !== undefined || selector.nothing) {
    return (labels) => matchesLabels(selector, labels);
  }
  const { key } = first;
  const [value] = first.values;
  return (labels) => labels[key] === value;
}

/** The namespace to look in: undefined for all, empty for kinds that have none. */
function scopeOf(
  resource: Resource,
  namespace: string,
  selected: string | undefined,
): string | undefined {
  if (!resource.namespaced) return "";
  return namespace === "" ? selected : namespace;
}

function valuesOf(stored: Resource): (object: CachedObject, field: string) => string {
  const indexes = new Map(stored.selectableFields.map((field, i) => [field, i]));
  return (object, field) => {
    if (field === "metadata.name") return object.name;
    if (field === "metadata.namespace") return object.namespace;
    return object.fields[indexes.get(storedField(field)) ?? -1] ?? "";
  };
}
