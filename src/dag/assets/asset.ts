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
  /** One of the assets that have been made under a name. */
  | { readonly alias: string }
  | { readonly all: readonly AssetCondition[] }
  | { readonly any: readonly AssetCondition[] };

/** The names of what has been made. */
export interface Made {
  readonly assets: ReadonlySet<string>;
  /** Those under which one of the assets has been made. */
  readonly aliases: ReadonlySet<string>;
}

/** Whether a condition holds. */
export function isMet(condition: AssetCondition, made: Made): boolean {
  if ("asset" in condition) return made.assets.has(condition.asset.name);
  if ("alias" in condition) return made.aliases.has(condition.alias);
  if ("all" in condition) return condition.all.every((it) => isMet(it, made));
  return condition.any.some((it) => isMet(it, made));
}

/** Every asset of a condition, once. */
export function assetsOf(condition: AssetCondition): readonly AssetModel[] {
  const assets = leavesOf(condition).flatMap((it) => ("asset" in it ? [it.asset] : []));
  return [...new Map(assets.map((it) => [it.name, it])).values()];
}

/** Every alias of a condition, once. */
export function aliasesOf(condition: AssetCondition): readonly string[] {
  const names = leavesOf(condition).flatMap((it) => ("alias" in it ? [it.alias] : []));
  return [...new Set(names)];
}

type Leaf = Extract<AssetCondition, { readonly asset: unknown } | { readonly alias: unknown }>;

function leavesOf(condition: AssetCondition): readonly Leaf[] {
  if ("asset" in condition || "alias" in condition) return [condition];
  return ("all" in condition ? condition.all : condition.any).flatMap(leavesOf);
}

/** `a & (b | c)` */
export function describeCondition(condition: AssetCondition): string {
  if ("asset" in condition) return condition.asset.name;
  if ("alias" in condition) return condition.alias;
  const isAll = "all" in condition;
  const parts = isAll ? condition.all : condition.any;
  const texts = parts.map((it) =>
    "asset" in it || "alias" in it || parts.length === 1
      ? describeCondition(it)
      : `(${describeCondition(it)})`,
  );
  return texts.join(isAll ? " & " : " | ");
}
