import { ConfigurationError } from "./error.ts";
import { isList, isMapping, scalarOf, shown, type Fields, type Node } from "./node.ts";

const placeholder = /\[\[\s*([^\][]*?)\s*\]\]/g;
const whole = /^\[\[\s*([^\][]*?)\s*\]\]$/;

/**
 * Puts values in place of `[[ name ]]` and `[[ table.columns ]]` in texts and keys. A text that is
 * nothing but one placeholder becomes the value itself, whatever its type.
 * @throws {ConfigurationError} at a name that has no value.
 */
export function fillPlaceholders(node: Node, values: Fields): Node {
  if (typeof node.value === "string") return fillText(node, node.value, values);
  if (isList(node)) return { ...node, value: node.value.map((it) => fillPlaceholders(it, values)) };
  if (!isMapping(node)) return node;
  const filled = [...node.value].map(([key, it]) => {
    const name = fillKey(key, it, values);
    return [name, fillPlaceholders(it, values)] as const;
  });
  return { ...node, value: new Map(filled) };
}

function fillText(node: Node, text: string, values: Fields): Node {
  const only = whole.exec(text)?.[1];
  if (only !== undefined) return { ...find(only, node, values), ...placesOf(node) };
  return { ...node, value: replaceIn(text, node, values) };
}

function placesOf({ place, keyPlace }: Node): Pick<Node, "place" | "keyPlace"> {
  return { place, keyPlace };
}

function fillKey(key: string, node: Node, values: Fields): string {
  return replaceIn(key, { ...node, place: node.keyPlace }, values);
}

function replaceIn(text: string, at: Node, values: Fields): string {
  return text.replaceAll(placeholder, (_, path: string) => {
    const found = find(path, at, values);
    if (!isList(found) && !isMapping(found)) return String(scalarOf(found) ?? "");
    throw new ConfigurationError(at.place, `'${path}' is ${shown(found)} and cannot be in a text`);
  });
}

function find(path: string, at: Node, values: Fields): Node {
  let found: Node | undefined = { ...at, value: values };
  for (const name of path.split(".")) {
    if (found === undefined) break;
    if (isMapping(found)) found = found.value.get(name);
    else found = isList(found) && /^\d+$/.test(name) ? found.value[Number(name)] : undefined;
  }
  if (found !== undefined) return found;
  const known = [...values.keys()].sort().join(", ");
  throw new ConfigurationError(at.place, `[[ ${path} ]] has no value; there are: ${known}`);
}
