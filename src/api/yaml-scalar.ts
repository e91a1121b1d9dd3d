/*
 * What a YAML scalar means to Go's yaml.v2, which sigs.k8s.io/yaml and so kubectl and Helm read
 * with: booleans of YAML 1.1, octal and binary integers, underscores in numbers; no timestamps and
 * no base-60 numbers. Facts from go.yaml.in/yaml/v2 resolve.go.
 */

const words = new Map<string, boolean | null | number>([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map(
    (it) => [it, true] as const,
  ),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(
    (it) => [it, false] as const,
  ),
  ...["", "~", "null", "Null", "NULL"].map((it) => [it, null] as const),
  ...[".nan", ".NaN", ".NAN"].map((it) => [it, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((it) => [it, Infinity] as const),
  ...["-.inf", "-.Inf", "-.INF"].map((it) => [it, -Infinity] as const),
]);

const integer = /^([+-]?)(?:0[xX]([\da-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9]\d*))$/;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** A scalar's value, or why it has none. */
export type ScalarValue =
  | { readonly value: string | number | boolean | null; readonly inexact: boolean }
  | { readonly problem: string };

/** The value of an untagged plain scalar. `inexact` marks an integer that a double cannot hold. */
export function plainScalar(text: string): ScalarValue {
  const first = text.charCodeAt(0);
  const isNumeric = first === 43 || first === 45 || first === 46 || (first >= 48 && first <= 57);
  if (!isNumeric || text.length <= 5) {
    const word = words.get(text);
    if (word !== undefined) return ofWord(text, word);
  }
  return (isNumeric ? numeric(text) : undefined) ?? { value: text, inexact: false };
}

function ofWord(text: string, word: boolean | null | number): ScalarValue {
  if (typeof word === "number") return { problem: `JSON has no number '${text}'` };
  return { value: word, inexact: false };
}

function numeric(text: string): ScalarValue | undefined {
  const bare = text.includes("_") ? text.replaceAll("_", "") : text;
  const match = integer.exec(bare);
  if (match !== null) {
    const [, sign, hexadecimal, octal, binary, decimal = ""] = match;
    const value =
      hexadecimal !== undefined
        ? Number.parseInt(hexadecimal, 16)
        : octal !== undefined
          ? Number.parseInt(octal, 8)
          : binary !== undefined
            ? Number.parseInt(binary, 2)
            : Number(decimal);
    return { value: sign === "-" ? 0 - value : value, inexact: !Number.isSafeInteger(value) };
  }
  if (!float.test(bare)) return undefined;
  const value = Number(bare);
  return Number.isFinite(value) ? { value, inexact: false } : undefined;
}

const binaryTag = "!!binary";

/** The value of a scalar with an explicit tag, in its short form (`!!str`). */
export function taggedScalar(tag: string, text: string): ScalarValue {
  if (tag === binaryTag) return fromBase64(text);
  const plain = plainScalar(text);
  if ("problem" in plain) return plain;
  const found = plain.value === null ? "!!null" : nameOf(plain.value);
  switch (tag) {
    case "!!bool":
    case "!!null":
    case "!!int":
      return found === tag ? plain : { problem: `cannot decode '${text}' as ${tag}` };
    case "!!float":
      return typeof plain.value === "number"
        ? plain
        : { problem: `cannot decode '${text}' as ${tag}` };
    default:
      return { value: text, inexact: false };
  }
}

function nameOf(value: string | number | boolean): string {
  if (typeof value === "number") return Number.isInteger(value) ? "!!int" : "!!float";
  return typeof value === "boolean" ? "!!bool" : "!!str";
}

function fromBase64(text: string): ScalarValue {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll(/\s/g, "")), (it) => it.charCodeAt(0));
    return { value: new TextDecoder().decode(bytes), inexact: false };
  } catch {
    return { problem: "!!binary value contains invalid base64 data" };
  }
}
