import { isJsonObject, type Json } from "#api/object.ts";

/**
 * Path elements in their wire form: `f:name` a field, `k:{"name":"web"}` the item of a list with
 * keys, `v:"x"` the item of a set, `i:0` an index. Upstream: structured-merge-diff
 * `fieldpath/serialize-pe.go`.
 */

/** Stands for the node itself in a {@link Fields} tree. */
export const self = ".";

export function fieldElement(name: string): string {
  return `f:${name}`;
}

export function valueElement(value: Json): string {
  return `v:${JSON.stringify(value)}`;
}

/** The canonical form of an element that a client wrote; undefined when it is none. */
export function parseElement(text: string): string | undefined {
  const rest = text.slice(2);
  switch (text.slice(0, 2)) {
    case "f:":
      return text;
    case "v:": {
      const value = parseJson(rest);
      return value === undefined ? undefined : valueElement(value);
    }
    case "k:": {
      const key = parseJson(rest);
      return isJsonObject(key) ? `k:${sortedKey(key)}` : undefined;
    }
    case "i:":
      return /^-?[0-9]{1,15}$/.test(rest) ? text : undefined;
    default:
      return undefined;
  }
}

function sortedKey(key: Readonly<Record<string, Json | undefined>>): string {
  const parts = Object.keys(key).sort();
  const texts = parts.map((it) => `${JSON.stringify(it)}:${JSON.stringify(key[it])}`);
  return `{${texts.join(",")}}`;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The element as error messages print it: `.name`, `[name="web"]`, `[="x"]`, `[0]`. */
export function elementText(element: string): string {
  const rest = element.slice(2);
  const value = parseJson(rest);
  switch (element.slice(0, 2)) {
    case "k:": {
      const key = isJsonObject(value) ? value : {};
      const parts = Object.keys(key).map((it) => `${it}=${JSON.stringify(key[it])}`);
      return `[${parts.join(",")}]`;
    }
    case "v:":
      return `[=${rest}]`;
    case "i:":
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}

const kindOrder = "fkvi";
/** A key of one plain text, which needs no parsing to be put in order. */
const oneText = /^k:\{"[^"\\]*":"[^"\\]*"\}$/;

/** The order of elements on the wire: fields, keys, values, indices, each by content. */
export function compareElements(left: string, right: string): number {
  if (left === right) return 0;
  const kind = left.charAt(0);
  if (kind === "f" && right.startsWith("f")) return left < right ? -1 : 1;
  if (kind !== right.charAt(0)) {
    if (left === self || right === self) return left === self ? -1 : 1;
    return kindOrder.indexOf(kind) - kindOrder.indexOf(right.charAt(0));
  }
  if (oneText.test(left) && oneText.test(right)) {
    return left.slice(0, -2) < right.slice(0, -2) ? -1 : 1;
  }
  return compareValues(parseJson(left.slice(2)), parseJson(right.slice(2)));
}

/** Upstream's `value.Compare` for scalars and for keys, whose fields come in order. */
function compareValues(left: Json | undefined, right: Json | undefined): number {
  if (isJsonObject(left) && isJsonObject(right)) {
    const [leftNames, rightNames] = [Object.keys(left), Object.keys(right)];
    for (const [i, name] of leftNames.entries()) {
      const other = rightNames[i];
      if (other === undefined) return 1;
      if (name !== other) return name < other ? -1 : 1;
      const order = compareValues(left[name], right[name]);
      if (order !== 0) return order;
    }
    return leftNames.length - rightNames.length;
  }
  const order = rank(left) - rank(right);
  if (order !== 0) return order;
  return left === right ? 0 : (left ?? 0) < (right ?? 0) ? -1 : 1;
}

function rank(value: Json | undefined): number {
  if (typeof value === "number") return 0;
  if (typeof value === "string") return 1;
  return typeof value === "boolean" ? 2 : 3;
}
