import type { Json } from "#api/object.ts";
import {
  outputReference,
  outputReferences,
  type Expansion,
  type OutputReference,
} from "#dag/model/model.ts";

/** The references whose length decides how often a task is expanded. */
export function expansionReferences(expand: Expansion): OutputReference[] {
  return Object.values(expand.over).flatMap((it) => {
    const own = outputReference(it);
    return own === undefined ? [] : [own];
  });
}

/** Ids of all tasks whose output the expansion needs. */
export function expansionTasks(expand: Expansion): string[] {
  return Object.values(expand.over).flatMap((it) => outputReferences(it).map((ref) => ref.task));
}

/** How many things a value maps over; undefined when it is neither a list nor an object. */
export function lengthOf(value: Json): number | undefined {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : undefined;
}

export type Count =
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "unmappable"; readonly argument: string };

/** How many instances an expansion makes. @param measure the length of an output. */
export function expansionCount(
  expand: Expansion,
  measure: (reference: OutputReference) => number | undefined,
): Count {
  let count = 1;
  for (const [argument, value] of Object.entries(expand.over)) {
    const reference = outputReference(value);
    const length = reference === undefined ? lengthOf(value) : measure(reference);
    if (length === undefined) return { kind: "unmappable", argument };
    count *= length;
  }
  return { kind: "count", count };
}

/**
 * The arguments of one instance; the last argument changes fastest, as in Airflow. An object maps
 * over its entries as pairs. @param values each argument's value, with outputs resolved.
 */
export function expandedArguments(
  expand: Expansion,
  values: Readonly<Record<string, Json>>,
  mapIndex: number,
): Record<string, Json> {
  const picked: Record<string, Json> = {};
  let rest = mapIndex;
  for (const argument of Object.keys(expand.over).reverse()) {
    const elements = elementsOf(values[argument] ?? null);
    const element = elements[rest % elements.length] ?? null;
    rest = Math.floor(rest / Math.max(1, elements.length));
    if (expand.kind === "product") picked[argument] = element;
    else if (typeof element === "object" && element !== null && !Array.isArray(element)) {
      for (const [name, it] of Object.entries(element)) picked[name] = it ?? null;
    }
  }
  return picked;
}

function elementsOf(value: Json): readonly Json[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).map(([name, it]) => [name, it ?? null]);
}
