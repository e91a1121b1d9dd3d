import {
  allOf,
  anyOf,
  asset,
  assetAlias,
  type Asset,
  type AssetAlias,
  type AssetPart,
} from "#dag/authoring/asset.ts";
import { ConfigurationError } from "./error.ts";
import { fieldsOf, isList, isMapping, plain, shown, type Node } from "./node.ts";
import { listOf, refuseUnknown, text, typeName } from "./values.ts";

/** Deepest nesting of a condition. */
const depthMax = 20;

/**
 * An asset by its name or URI, `{name, uri, group, extra}`, or an alias as `{alias: name}`; Airflow's
 * classes, too, as `{__type__: airflow.sdk.Asset, uri: …}`.
 */
export function readAsset(node: Node): Asset | AssetAlias {
  if (!isMapping(node)) return named(node, () => asset(text(node)));
  const { value } = node;
  const known = ["__type__", "alias", "name", "uri", "group", "extra"];
  refuseUnknown(new Map([...value].filter(([key]) => !known.includes(key))), "an asset", known);
  const name = value.get("name");
  const uri = value.get("uri");
  const group = value.get("group");
  const extra = value.get("extra");
  const alias = value.get("alias") ?? (typeName(node) === "AssetAlias" ? name : undefined);
  if (alias !== undefined) return named(alias, () => assetAlias(text(alias)));
  const own = name ?? uri;
  if (own === undefined) throw new ConfigurationError(node.place, "an asset needs a name or a uri");
  return named(own, () =>
    asset(text(own), {
      ...(uri === undefined ? {} : { uri: text(uri) }),
      ...(group === undefined ? {} : { group: text(group) }),
      ...(extra === undefined ? {} : { extra: plain(extra) as Record<string, never> }),
    }),
  );
}

/** Assets that a task makes or reads. */
export const readAssets = listOf(readAsset);

/** Those a task reads are named one by one. */
export function readInlets(node: Node): Asset[] {
  return readAssets(node).map((it) => {
    if ("uri" in it) return it;
    throw new ConfigurationError(node.place, "an alias stands for what a task makes, not reads");
  });
}

/**
 * Which assets a DAG waits for: a list of all of them, `{or: […]}`, `{and: […]}` (also `any`, `all`), or an
 * expression as `((a & b) | c)`.
 */
export function readAssetCondition(node: Node, depth = 0): AssetPart {
  if (depth > depthMax) throw new ConfigurationError(node.place, "the condition is too deep");
  if (isList(node)) return allOf(...node.value.map((it) => readAssetCondition(it, depth + 1)));
  if (!isMapping(node)) return expression(node);
  for (const [key, join] of [
    ["or", anyOf],
    ["any", anyOf],
    ["and", allOf],
    ["all", allOf],
  ] as const) {
    const parts = node.value.get(key);
    if (parts === undefined) continue;
    refuseUnknown(new Map([...node.value].filter(([it]) => it !== key)), "a condition", []);
    if (!isList(parts)) {
      throw new ConfigurationError(parts.place, `expected a list, found ${shown(parts)}`);
    }
    return join(...parts.value.map((it) => readAssetCondition(it, depth + 1)));
  }
  fieldsOf(node, "an asset");
  return readAsset(node);
}

/** `&` binds closer than `|`. */
function expression(node: Node): AssetPart {
  const tokens = [...text(node).matchAll(/\s*([&|()]|[^&|()\s]+)/g)].map(([, it = ""]) => it);
  let at = 0;
  function fail(): never {
    const near = tokens[at] === undefined ? "its end" : `'${tokens[at]}'`;
    throw new ConfigurationError(node.place, `bad condition over assets near ${near}`);
  }
  function joined(sign: string, part: () => AssetPart): readonly AssetPart[] {
    const parts = [part()];
    while (tokens[at] === sign) {
      at += 1;
      parts.push(part());
    }
    return parts;
  }
  function either(): AssetPart {
    const [first, ...more] = joined("|", both);
    return first === undefined ? fail() : more.length === 0 ? first : anyOf(first, ...more);
  }
  function both(): AssetPart {
    const [first, ...more] = joined("&", single);
    return first === undefined ? fail() : more.length === 0 ? first : allOf(first, ...more);
  }
  function single(): AssetPart {
    const token = tokens[at] ?? fail();
    if (at > 2_000 || ["&", "|", ")"].includes(token)) return fail();
    at += 1;
    if (token !== "(") return named(node, () => asset(token));
    const inner = either();
    if (tokens[at] !== ")") return fail();
    at += 1;
    return inner;
  }
  const result = either();
  return at === tokens.length ? result : fail();
}

function named<T>(node: Node, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigurationError || !(error instanceof Error)) throw error;
    throw new ConfigurationError(node.place, error.message);
  }
}
