import type { Shape, TypeTable } from "#api/schema/type-table.ts";

/** Where the merge stands: the types, and the shape of the object at hand; undefined: unknown. */
export interface PatchContext {
  readonly table: TypeTable;
  readonly shape: Shape | undefined;
}

/** How a patch merges one field. */
export interface FieldRule {
  readonly context: PatchContext;
  /** `merge`, `replace`, or empty for the default: maps merge, lists are replaced. */
  readonly strategy: string;
  readonly mergeKey: string | undefined;
}

/** How `key` merges in the object of that context. */
export function ruleOf(context: PatchContext, key: string): FieldRule {
  const { table, shape } = context;
  if (shape?.kind === "map") {
    return { context: { table, shape: shape.values }, strategy: "", mergeKey: undefined };
  }
  const field = shape?.kind === "object" ? table.find(shape.type).fields.get(key) : undefined;
  const inner = field?.shape.kind === "list" ? field.shape.items : field?.shape;
  return {
    context: { table, shape: inner },
    strategy: field?.patchStrategy.find((it) => it !== "retainKeys") ?? "",
    mergeKey: field?.patchMergeKey,
  };
}
