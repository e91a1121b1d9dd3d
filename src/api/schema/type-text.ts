import { assert } from "#base/assert.ts";
import type { Json } from "#api/object.ts";
import type { Field, ListShape, SchemaUnion, Shape, StringFormat, TypeInfo } from "./type-table.ts";

/*
 * The text of a type in gen/schema.json: fields joined by `|`, after a `*` for an atomic struct.
 * A field is `name:number[/path]:flags:shape[:option…]`, e.g. `ports:6:e:(containerPort+protocol).ContainerPort`.
 *
 *   path     numbers of the embedding messages, outermost first
 *   flags    r required, p pointer, e omitempty
 *   option   p=patch strategy, k=patch merge key, d=default (JSON, URI-encoded), g granular
 *   shape    s string  t date-time  u micro-time  y bytes  q quantity  d duration
 *            b boolean  i int32  l int64  f number  x int-or-string
 *            a any, aR RawExtension, aF FieldsV1, aJ JSON, aB aA aS unions with a JSON schema
 *            .Name in the same package, .7.Name in the seventh
 *            [shape atomic list, {shape set, (key+key)shape map list, w before a wrapped list
 *            %shape map, %!shape atomic map; s'Name a named scalar of Go
 */

const formats: Readonly<Record<string, StringFormat>> = {
  t: "date-time",
  u: "micro-time",
  y: "byte",
  q: "quantity",
  d: "duration",
};

const unions: Readonly<Record<string, SchemaUnion>> = {
  B: "schema-or-boolean",
  A: "schema-or-list",
  S: "schema-or-strings",
};

const anyTypes: Readonly<Record<string, string>> = {
  R: "runtime.RawExtension",
  F: "v1.FieldsV1",
  J: "v1.JSON",
  B: "v1.JSONSchemaPropsOrBool",
  A: "v1.JSONSchemaPropsOrArray",
  S: "v1.JSONSchemaPropsOrStringArray",
};

/** Parses one type. `packages` are the definition packages by index. */
export function parseType(name: string, text: string, packages: readonly string[]): TypeInfo {
  const home = name.slice(0, name.lastIndexOf("."));
  const atomic = text.startsWith("*");
  const fields = new Map<string, Field>();
  for (const part of (atomic ? text.slice(1) : text).split("|")) {
    if (part === "") continue;
    const field = parseField(part, home, packages);
    fields.set(field.name, field);
  }
  return { name, fields, atomic };
}

function parseField(text: string, home: string, packages: readonly string[]): Field {
  const [name = "", numbers = "", flags = "", shapeText = "", ...options] = text.split(":");
  const [protobuf = 0, ...path] = numbers.split("/").map(Number);
  const { shape, goType } = parseShape(shapeText, home, packages);
  const option = (key: string): string | undefined =>
    options.find((it) => it.startsWith(key))?.slice(key.length);
  const fallback = option("d=");
  return {
    name,
    shape,
    required: flags.includes("r"),
    fallback:
      fallback === undefined ? undefined : (JSON.parse(decodeURIComponent(fallback)) as Json),
    protobuf,
    protobufPath: path,
    pointer: flags.includes("p"),
    omitEmpty: flags.includes("e"),
    goType,
    granular: options.includes("g"),
    patchStrategy: option("p=")?.split(",") ?? [],
    patchMergeKey: option("k="),
  };
}

interface Parsed {
  readonly shape: Shape;
  readonly goType: string;
}

function parseShape(text: string, home: string, packages: readonly string[]): Parsed {
  const rest = (from: number): Parsed => parseShape(text.slice(from), home, packages);
  switch (text.charAt(0)) {
    case "w": {
      const inner = rest(1);
      assert(inner.shape.kind === "list", `wrapped shape '${text}' is a list`);
      return { shape: { ...inner.shape, wrapped: true }, goType: inner.goType };
    }
    case "[":
      return listOf(rest(1), "atomic", []);
    case "{":
      return listOf(rest(1), "set", []);
    case "(": {
      const end = text.indexOf(")");
      return listOf(rest(end + 1), "map", text.slice(1, end).split("+"));
    }
    case "%": {
      const atomic = text.charAt(1) === "!";
      const inner = rest(atomic ? 2 : 1);
      const shape: Shape = { kind: "map", values: inner.shape, atomic };
      return { shape, goType: `map[string]${inner.goType}` };
    }
    case ".":
      return reference(text.slice(1), home, packages);
    default:
      return scalar(text, home);
  }
}

function listOf(
  items: Parsed,
  listType: ListShape["listType"],
  mapKeys: readonly string[],
): Parsed {
  const shape: Shape = { kind: "list", items: items.shape, listType, mapKeys };
  return { shape, goType: `[]${items.goType}` };
}

function reference(text: string, home: string, packages: readonly string[]): Parsed {
  const dot = text.indexOf(".");
  const package_ = dot < 0 ? home : packages[Number(text.slice(0, dot))];
  assert(package_ !== undefined, `package of '${text}' is listed`);
  const name = text.slice(dot + 1);
  return { shape: { kind: "object", type: `${package_}.${name}` }, goType: goName(package_, name) };
}

function goName(package_: string, name: string): string {
  return `${package_.slice(package_.lastIndexOf(".") + 1)}.${name}`;
}

function scalar(text: string, home: string): Parsed {
  const quote = text.indexOf("'");
  const named = quote < 0 ? undefined : text.slice(quote + 1);
  const goType = named === undefined || named.includes(".") ? named : goName(home, named);
  const letter = text.charAt(0);
  const format = formats[letter];
  if (format !== undefined) return { shape: { kind: "string", format }, goType: goFormats[format] };
  switch (letter) {
    case "s":
      return { shape: { kind: "string" }, goType: goType ?? "string" };
    case "b":
      return { shape: { kind: "boolean" }, goType: "bool" };
    case "i":
      return { shape: { kind: "integer", bits: 32 }, goType: goType ?? "int32" };
    case "l":
      return { shape: { kind: "integer", bits: 64 }, goType: goType ?? "int64" };
    case "f":
      return { shape: { kind: "number" }, goType: "float64" };
    case "x":
      return { shape: { kind: "int-or-string" }, goType: "int32" };
    default:
      assert(letter === "a", `shape '${text}' is known`);
      return anything(text.charAt(1));
  }
}

function anything(letter: string): Parsed {
  const union = unions[letter];
  return {
    shape: union === undefined ? { kind: "any" } : { kind: "any", union },
    goType: anyTypes[letter] ?? "interface {}",
  };
}

const goFormats: Readonly<Record<StringFormat, string>> = {
  "date-time": "v1.Time",
  "micro-time": "v1.MicroTime",
  byte: "[]uint8",
  quantity: "resource.Quantity",
  duration: "v1.Duration",
};
