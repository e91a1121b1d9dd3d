import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { Writer } from "#api/protobuf/writer.ts";

/**
 * Media types of what {@link encodeGnostic} writes. The first is the name of today; client-go of
 * before 1.34 asks for the second only.
 */
export const gnosticMediaTypes: readonly string[] = [
  "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/**
 * A Swagger document that `openApiV2` made, as the protobuf that client-go asks for first. The
 * messages are those of github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto.
 */
export function encodeGnostic(document: JsonObject): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, "Document", document);
  return writer.finish();
}

/** Writes one field of a message. */
type Write = (writer: Writer, number: number, value: Json) => void;

/** The fields of a message by their JSON key; `x-` stands for all vendor extensions. */
type Fields = Readonly<Record<string, readonly [number: number, write: Write]>>;

const parameterFields: Fields = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
};

/** As far as our documents use them. */
const messages: Readonly<Record<string, Fields>> = {
  Document: {
    swagger: [1, text],
    info: [2, message("Info")],
    paths: [8, named(2, message("PathItem"))],
    definitions: [9, named(1, message("Schema"))],
    security: [12, each(named(1, within(texts)))],
    securityDefinitions: [13, named(1, within(message("ApiKeySecurity"), 2))],
  },
  Info: { title: [1, text], version: [2, text] },
  Schema: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, flag],
    minimum: [9, double],
    exclusiveMinimum: [10, flag],
    pattern: [13, text],
    required: [19, texts],
    enum: [20, each(any)],
    additionalProperties: [21, schemaOrFlag],
    type: [22, within(texts)],
    items: [23, within(message("Schema"))],
    allOf: [24, each(message("Schema"))],
    properties: [25, named(1, message("Schema"))],
    "x-": [31, any],
  },
  PathItem: {
    get: [2, message("Operation")],
    put: [3, message("Operation")],
    post: [4, message("Operation")],
    delete: [5, message("Operation")],
    patch: [8, message("Operation")],
    parameters: [9, each(within(parameter))],
  },
  Operation: {
    tags: [1, texts],
    description: [3, text],
    operationId: [5, text],
    produces: [6, texts],
    consumes: [7, texts],
    parameters: [8, each(within(parameter))],
    responses: [9, named(1, within(message("Response")))],
    schemes: [10, texts],
    "x-": [13, any],
  },
  BodyParameter: {
    name: [2, text],
    in: [3, text],
    required: [4, flag],
    schema: [5, message("Schema")],
  },
  PathParameter: { ...parameterFields, type: [5, text], uniqueItems: [18, flag] },
  QueryParameter: { ...parameterFields, type: [6, text], uniqueItems: [20, flag] },
  Response: { description: [1, text], schema: [2, within(message("Schema"))] },
  ApiKeySecurity: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] },
};

/** Keys without a field are left out; they are none of version 2.0. */
function writeMessage(writer: Writer, type: string, value: JsonObject): void {
  const fields = messages[type] ?? {};
  for (const [key, it] of Object.entries(value).reverse()) {
    const field = fields[key.startsWith("x-") ? "x-" : key];
    if (field === undefined || it === undefined) continue;
    const [number, write] = field;
    if (key.startsWith("x-"))
      namedEntry(writer, number, key, () => {
        write(writer, 2, it);
      });
    else write(writer, number, it);
  }
}

function around(writer: Writer, number: number, write: () => void): void {
  const since = writer.length;
  write();
  writer.header(number, since);
}

/** `{name, value}`, which gnostic has in place of maps. */
function namedEntry(writer: Writer, number: number, name: string, writeValue: () => void): void {
  around(writer, number, () => {
    writeValue();
    writer.text(1, name);
  });
}

function text(writer: Writer, number: number, value: Json): void {
  if (typeof value === "string") writer.text(number, value);
}

function flag(writer: Writer, number: number, value: Json): void {
  writer.boolean(number, value === true);
}

function double(writer: Writer, number: number, value: Json): void {
  if (typeof value === "number") writer.double(number, value);
}

/** `Any`: a value as YAML, for which JSON serves. */
function any(writer: Writer, number: number, value: Json): void {
  around(writer, number, () => {
    writer.text(2, JSON.stringify(value));
  });
}

function texts(writer: Writer, number: number, value: Json): void {
  each(text)(writer, number, value);
}

function message(type: string): Write {
  return (writer, number, value) => {
    if (!isJsonObject(value)) return;
    around(writer, number, () => {
      writeMessage(writer, type, value);
    });
  };
}

/** A repeated field; a single value counts as a list of one. */
function each(write: Write): Write {
  return (writer, number, value) => {
    for (const it of (Array.isArray(value) ? value : [value]).toReversed()) {
      write(writer, number, it);
    }
  };
}

/** A message that has nothing but one field. */
function within(write: Write, inner = 1): Write {
  return (writer, number, value) => {
    around(writer, number, () => {
      write(writer, inner, value);
    });
  };
}

/** A message whose field `inner` repeats the entries of an object, by name. */
function named(inner: number, write: Write): Write {
  return (writer, number, value) => {
    around(writer, number, () => {
      for (const [name, it] of Object.entries(isJsonObject(value) ? value : {}).reverse()) {
        if (it !== undefined)
          namedEntry(writer, inner, name, () => {
            write(writer, 2, it);
          });
      }
    });
  };
}

function schemaOrFlag(writer: Writer, number: number, value: Json): void {
  const write = typeof value === "boolean" ? within(flag, 2) : within(message("Schema"));
  write(writer, number, value);
}

/** `Parameter`, by where the parameter is. */
function parameter(writer: Writer, number: number, value: Json): void {
  const place = isJsonObject(value) ? value["in"] : undefined;
  const write =
    place === "body"
      ? within(message("BodyParameter"), 1)
      : place === "path"
        ? within(within(message("PathParameter"), 4), 2)
        : within(within(message("QueryParameter"), 3), 2);
  write(writer, number, value);
}
