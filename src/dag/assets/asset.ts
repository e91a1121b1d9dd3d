import type { Json } from "#api/object.ts";

/** Something that tasks make and DAGs wait for, as it is stored. */
export interface AssetModel {
  readonly name: string;
  readonly uri: string;
  readonly group: string;
  readonly extra: Readonly<Record<string, Json>>;
}

/** Which assets must have been made since the last run. */
export type AssetCondition =
  | { readonly asset: AssetModel }
  | { readonly all: readonly AssetCondition[] }
  | { readonly any: readonly AssetCondition[] };

/** Whether a condition holds. @param made the names of what has been made. */
export function isMet(condition: AssetCondition, made: ReadonlySet<string>): boolean {
  if ("asset" in condition) return made.has(condition.asset.name);
  if ("all" in condition) return condition.all.every((it) => isMet(it, made));
  return condition.any.some((it) => isMet(it, made));
}

/** Every asset of a condition, once. */
export function assetsOf(condition: AssetCondition): readonly AssetModel[] {
  const found = new Map<string, AssetModel>();
  function visit(it: AssetCondition): void {
    if ("asset" in it) found.set(it.asset.name, it.asset);
    else for (const part of "all" in it ? it.all : it.any) visit(part);
  }
  visit(condition);
  return [...found.values()];
}

/** `a & (b | c)` */
export function describeCondition(condition: AssetCondition): string {
  if ("asset" in condition) return condition.asset.name;
  const isAll = "all" in condition;
  const parts = isAll ? condition.all : condition.any;
  const texts = parts.map((it) =>
    "asset" in it || parts.length === 1 ? describeCondition(it) : `(${describeCondition(it)})`,
  );
  return texts.join(isAll ? " & " : " | ");
}
