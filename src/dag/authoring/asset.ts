import type { Json } from "#api/object.ts";
import type { AssetCondition, AssetModel } from "#dag/assets/asset.ts";
import { idLengthMax } from "#dag/model/model.ts";

/** Something that tasks make (`outlets`) and DAGs wait for (`schedule`). */
export class Asset implements AssetModel {
  readonly name: string;
  readonly uri: string;
  readonly group: string;
  readonly extra: Readonly<Record<string, Json>>;

  constructor({ name, uri, group, extra }: AssetModel) {
    this.name = name;
    this.uri = uri;
    this.group = group;
    this.extra = extra;
  }
}

/**
 * Names an asset; the same name is the same asset everywhere. @throws {Error} for a bad name.
 */
export function asset(
  name: string,
  options: {
    /** The name when left out. */
    readonly uri?: string;
    readonly group?: string;
    readonly extra?: Readonly<Record<string, Json>>;
  } = {},
): Asset {
  checkedName("asset", name);
  const { uri = name, group = "asset", extra = {} } = options;
  return new Asset({ name, uri, group, extra });
}

/**
 * A name for assets that are known only when a task runs: the task has it among its `outlets`, and tells
 * with `context.assetMade` what it made. A DAG scheduled by it runs when one of them was made.
 */
export class AssetAlias {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Names an alias. @throws {Error} for a bad name. */
export function assetAlias(name: string): AssetAlias {
  return new AssetAlias(checkedName("asset alias", name));
}

/** What a condition is made of. */
export type AssetPart = Asset | AssetAlias | AssetExpression;

/** A condition over assets, for `schedule`. */
export class AssetExpression {
  readonly condition: AssetCondition;

  constructor(condition: AssetCondition) {
    this.condition = condition;
  }
}

/** Every one of them must have been made since the last run. */
export function allOf(...parts: readonly AssetPart[]): AssetExpression {
  return new AssetExpression({ all: parts.map(conditionOf) });
}

/** One of them must have been made since the last run. */
export function anyOf(...parts: readonly AssetPart[]): AssetExpression {
  return new AssetExpression({ any: parts.map(conditionOf) });
}

export function conditionOf(part: AssetPart): AssetCondition {
  if (part instanceof AssetAlias) return { alias: part.name };
  return part instanceof Asset ? { asset: part } : part.condition;
}

function checkedName(what: string, name: string): string {
  if (name.trim() !== "" && name.length <= idLengthMax) return name;
  throw new Error(`the name of an ${what} must have 1 to ${idLengthMax} characters: '${name}'`);
}
