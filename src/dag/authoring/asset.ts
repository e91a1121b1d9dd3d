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
  if (name.trim() === "" || name.length > idLengthMax) {
    throw new Error(`an asset's name must have 1 to ${idLengthMax} characters: '${name}'`);
  }
  const { uri = name, group = "asset", extra = {} } = options;
  return new Asset({ name, uri, group, extra });
}

/** A condition over assets, for `schedule`. */
export class AssetExpression {
  readonly condition: AssetCondition;

  constructor(condition: AssetCondition) {
    this.condition = condition;
  }
}

/** Every one of them must have been made since the last run. */
export function allOf(...parts: readonly (Asset | AssetExpression)[]): AssetExpression {
  return new AssetExpression({ all: parts.map(conditionOf) });
}

/** One of them must have been made since the last run. */
export function anyOf(...parts: readonly (Asset | AssetExpression)[]): AssetExpression {
  return new AssetExpression({ any: parts.map(conditionOf) });
}

export function conditionOf(part: Asset | AssetExpression): AssetCondition {
  return part instanceof Asset ? { asset: part } : part.condition;
}
