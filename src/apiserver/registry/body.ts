import { Buffer } from "node:buffer";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { decodeObject } from "#api/protobuf/decode.ts";
import { checkShape } from "#api/schema/check-shape.ts";
import { decodeJson, findDuplicateKeys } from "#api/schema/decode.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { badRequest, StatusError } from "#api/status.ts";
import { parseYaml, YamlError } from "#api/yaml.ts";
import { protobufType } from "#apiserver/negotiate/accept.ts";
import type { TypeNames } from "#apiserver/type-names.ts";
import type { WriteOptions } from "./write-options.ts";

/** The type that a body must be of. */
export interface ExpectedType {
  readonly apiVersion: string;
  readonly kind: string;
  /** Name in the type table. */
  readonly type: string;
}

export interface BodyPorts {
  readonly types: TypeTable;
  readonly names: TypeNames;
}

type Validation = WriteOptions["fieldValidation"];

/** How a body arrived. */
interface RawBody {
  readonly value: Json;
  /** Keys that occurred twice, worded as upstream. */
  readonly duplicates: readonly string[];
}

/**
 * Decodes a body of the expected type: unknown fields are dropped, and refused or warned about as
 * the client asked. Kind and apiVersion are set.
 * @throws {StatusError} 400 for what is no such object, 415 for other media types.
 */
export function decodeBody(
  ports: BodyPorts,
  body: { readonly bytes: Uint8Array; readonly contentType: string | undefined },
  expected: ExpectedType,
  it: { readonly validation: Validation; readonly warn: (text: string) => void },
): JsonObject {
  const isLenient = it.validation === "Ignore";
  const raw = readBody(ports, body.bytes, mediaTypeOf(body.contentType), isLenient);
  if (!isJsonObject(raw.value))
    throw badRequest("the body is no object: expected kind and apiVersion");
  checkType(raw.value, expected);
  finishBody(ports.types, raw.value, expected, { ...it, duplicates: raw.duplicates });
  return raw.value;
}

/** Checks the shape of an object and reports what it should not have. */
export function finishBody(
  types: TypeTable,
  object: JsonObject,
  expected: ExpectedType,
  it: {
    readonly validation: Validation;
    readonly warn: (text: string) => void;
    readonly duplicates: readonly string[];
  },
): void {
  const problems = checkShape(object, expected.type, types);
  if (problems.wrong.length > 0) throw unreadable(object, expected, problems.wrong.join(", "));
  object["kind"] = expected.kind;
  object["apiVersion"] = expected.apiVersion;
  const strict = [...it.duplicates, ...problems.unknown];
  if (strict.length === 0 || it.validation === "Ignore") return;
  if (it.validation === "Strict") {
    throw unreadable(object, expected, `strict decoding error: ${strict.join(", ")}`);
  }
  for (const text of strict) it.warn(text);
}

/** The media type without parameters; JSON when the client names none. */
export function mediaTypeOf(contentType: string | undefined): string {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "" ? "application/json" : type;
}

/** UTF-8 text of a body. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** Reads YAML, of which JSON is a part. @throws {StatusError} 400 with line and column. */
export function readYaml(text: string): RawBody {
  try {
    const { documents } = parseYaml(text);
    const [document] = documents;
    if (document === undefined || documents.length > 1) {
      throw badRequest(`expected one YAML document, found ${documents.length}`);
    }
    return document;
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(error.message, error);
    throw error;
  }
}

/** 415 with the list of what is understood. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

/**
 * An object in any form in which one may be sent or answered; undefined for what cannot be read. Of
 * patches what they hold.
 */
export function readObject(
  ports: BodyPorts,
  bytes: Uint8Array,
  contentType: string | undefined,
): Json | undefined {
  const mediaType = mediaTypeOf(contentType).replace(
    /^application\/.*\+(json|yaml)$/,
    "application/$1",
  );
  try {
    return readBody(ports, bytes, mediaType, true).value;
  } catch {
    return undefined;
  }
}

function readBody(
  ports: BodyPorts,
  bytes: Uint8Array,
  mediaType: string,
  isLenient: boolean,
): RawBody {
  switch (mediaType) {
    case "application/json": {
      const text = textOf(bytes);
      const value = decodeJson(text);
      return { value, duplicates: isLenient ? [] : findDuplicateKeys(text) };
    }
    case "application/yaml":
      return readYaml(textOf(bytes));
    case protobufType:
      return { value: decodeObject(bytes, ports.names.typeOf, ports.types), duplicates: [] };
    default:
      throw unsupportedMediaType(["application/json", "application/yaml", protobufType]);
  }
}

function checkType(object: JsonObject, expected: ExpectedType): void {
  const { apiVersion = "", kind = "" } = object;
  const isVersion = apiVersion === "" || apiVersion === expected.apiVersion;
  const isKind = kind === "" || kind === expected.kind;
  // Options of the API machinery belong to every group.
  const isOptions = isKind && kind !== "" && expected.type.includes(".apimachinery.");
  if (isKind && (isVersion || isOptions)) return;
  if (isKind) {
    throw badRequest(
      `the API version in the data (${typeof apiVersion === "string" ? apiVersion : ""}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
  throw unreadable(object, expected, `no kind ${JSON.stringify(kind)} is expected here`);
}

function unreadable(object: JsonObject, expected: ExpectedType, why: string): StatusError {
  const kind = typeof object["kind"] === "string" ? object["kind"] : expected.kind;
  const version = expected.apiVersion.slice(expected.apiVersion.indexOf("/") + 1);
  const message = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ${why}`;
  return badRequest(message);
}
