// Writes src/api/gen/schema.json: every API type with its fields, their wire types, protobuf
// numbers, and merge rules, read from the Go declarations of release 1.36 and checked against the
// models of @kubernetes/client-node. The encoding is described in src/api/schema/type-text.ts.
// Run: node tools/gen/schema.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { moduleFolder, readPackage, type GoField, type GoFile, type GoType } from "./go-source.ts";
import { definitionPackage, goPackages, goVersion } from "./packages.ts";
import { readModels, type Model } from "./models.ts";
import { modelNames } from "./model-names.ts";

const types = new Map<string, GoType>();
const constants = new Map<string, string>();
for (const { module, folders } of goPackages) {
  const root = moduleFolder(module, goVersion);
  for (const folder of folders) {
    const path = `${module}/${folder}`;
    const found = readPackage(join(root, folder), path);
    for (const [name, type] of found.types) types.set(`${path}.${name}`, type);
    for (const [name, value] of found.constants) constants.set(`${path}.${name}`, value);
  }
}
const packages = [...new Set([...types.keys()].map((it) => it.slice(0, it.lastIndexOf("."))))];

const meta = "k8s.io/apimachinery/pkg/apis/meta/v1";
const extensions = "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1";

/** Types with their own JSON form, in the letters of the encoding. */
const special: Readonly<Record<string, string>> = {
  [`${meta}.Time`]: "t",
  [`${meta}.MicroTime`]: "u",
  [`${meta}.Duration`]: "d",
  [`${meta}.FieldsV1`]: "aF",
  [`${meta}.List`]: "a",
  "k8s.io/apimachinery/pkg/api/resource.Quantity": "q",
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "x",
  "k8s.io/apimachinery/pkg/runtime.RawExtension": "aR",
  "k8s.io/apimachinery/pkg/runtime.Object": "a",
  [`${extensions}.JSON`]: "aJ",
  [`${extensions}.JSONSchemaPropsOrBool`]: "aB",
  [`${extensions}.JSONSchemaPropsOrArray`]: "aA",
  [`${extensions}.JSONSchemaPropsOrStringArray`]: "aS",
};

const scalars: Readonly<Record<string, string>> = {
  string: "s",
  bool: "b",
  int: "l",
  int16: "i",
  int32: "i",
  int64: "l",
  uint8: "i",
  uint16: "i",
  uint32: "l",
  uint64: "l",
  float64: "f",
  float32: "f",
  "[]byte": "y",
  "interface{}": "a",
  any: "a",
};

/** The full Go name of a type as a file writes it. */
function resolve(type: string, file: GoFile): string {
  const dot = type.indexOf(".");
  if (dot < 0) return `${file.package}.${type}`;
  const path = file.imports.get(type.slice(0, dot));
  if (path === undefined) throw new Error(`${file.package}: no import for ${type}`);
  return `${path}.${type.slice(dot + 1)}`;
}

interface ListRules {
  readonly open: string;
  readonly atomicMap: boolean;
}

function shapeOf(type: string, file: GoFile, rules: ListRules, home: string): string {
  const bare = type.startsWith("*") ? type.slice(1) : type;
  const scalar = scalars[bare];
  if (scalar !== undefined) return scalar;
  const inner: ListRules = { open: "[", atomicMap: false };
  if (bare.startsWith("[]")) return rules.open + shapeOf(bare.slice(2), file, inner, home);
  const map = /^map\[[\w.]+\](.*)$/.exec(bare);
  if (map?.[1] !== undefined) {
    return (rules.atomicMap ? "%!" : "%") + shapeOf(map[1], file, inner, home);
  }
  const full = resolve(bare, file);
  const own = special[full];
  if (own !== undefined) return own;
  const found = types.get(full);
  if (found === undefined) throw new Error(`${file.package}: unknown type ${full}`);
  const at = full.lastIndexOf(".");
  const path = full.slice(0, at);
  const name = full.slice(at + 1);
  if (found.fields !== undefined) {
    return path === home ? `.${name}` : `.${packages.indexOf(path)}.${name}`;
  }
  const wrapped = found.markers.has("protobuf.nullable") ? "w" : "";
  const shape = wrapped + shapeOf(found.underlying, found.file, rules, home);
  const goName = path === home ? name : `${path.slice(path.lastIndexOf("/") + 1)}.${name}`;
  return /^[sil]$/.test(shape) ? `${shape}'${goName}` : shape;
}

function listRules(field: GoField): ListRules {
  const one = (name: string): string | undefined =>
    field.markers.get(name)?.[0] ?? field.tags.get(name);
  const keys = field.markers.get("listMapKey") ?? [];
  const strategy = (one("patchStrategy") ?? "").split(",");
  const mergeKey = one("patchMergeKey");
  const listType = one("listType");
  const atomicMap = one("mapType") === "atomic";
  if (listType === "map") {
    const names = keys.length > 0 ? keys : [mergeKey ?? ""];
    return { open: `(${names.join("+")})`, atomicMap };
  }
  if (listType === "set") return { open: "{", atomicMap };
  if (listType === "atomic" || !strategy.includes("merge")) return { open: "[", atomicMap };
  // No list type: OpenAPI consumers derive it from the patch strategy (kube-openapi schemaconv).
  return { open: mergeKey === undefined ? "{" : `(${mergeKey})`, atomicMap };
}

function defaultOf(field: GoField, file: GoFile): string | undefined {
  const text = field.markers.get("default")?.[0];
  if (text === undefined) return undefined;
  const ref = /^ref\(([\w./]+)\)$/.exec(text)?.[1];
  const value = ref === undefined ? text : JSON.stringify(constantOf(ref, file));
  JSON.parse(value);
  return /^(?:""|0|false|\{\})$/.test(value) ? undefined : encodeURIComponent(value);
}

function constantOf(ref: string, file: GoFile): string {
  const value = constants.get(ref.includes("/") ? ref : resolve(ref, file));
  if (value === undefined) throw new Error(`${file.package}: no constant ${ref}`);
  return value;
}

function fieldText(field: GoField, owner: GoType, inline: string, home: string): string {
  const [name = "", ...options] = (field.tags.get("json") ?? "").split(",");
  const number = /^\w+,(\d+)/.exec(field.tags.get("protobuf") ?? "")?.[1] ?? "0";
  const optional =
    options.includes("omitempty") || options.includes("omitzero") || field.markers.has("optional");
  const flags =
    (!optional || field.markers.has("required") ? "r" : "") +
    (field.type.startsWith("*") ? "p" : "") +
    (options.includes("omitempty") || options.includes("omitzero") ? "e" : "");
  const parts = [
    name,
    number + inline,
    flags,
    shapeOf(field.type, owner.file, listRules(field), home),
  ];
  const strategy = field.tags.get("patchStrategy");
  if (strategy !== undefined) parts.push(`p=${strategy}`);
  const mergeKey = field.tags.get("patchMergeKey");
  if (mergeKey !== undefined) parts.push(`k=${mergeKey}`);
  if (field.markers.get("structType")?.[0] === "granular") parts.push("g");
  const fallback = defaultOf(field, owner.file);
  if (fallback !== undefined) parts.push(`d=${fallback}`);
  return parts.join(":");
}

/** The fields as JSON has them: those of embedded structs stand among the others. */
function fieldTexts(type: GoType, inline: string, home: string): string[] {
  return (type.fields ?? []).flatMap((field) => {
    const json = field.tags.get("json");
    if (json === undefined || json === "-") return [];
    if (json !== ",inline") return [fieldText(field, type, inline, home)];
    const embedded = types.get(resolve(field.type, type.file));
    if (embedded === undefined) throw new Error(`no embedded type ${field.type}`);
    const number = /^\w+,(\d+)/.exec(field.tags.get("protobuf") ?? "")?.[1];
    // A struct that protobuf does not carry (TypeMeta travels in the envelope).
    if (number === undefined) {
      return fieldTexts(embedded, inline, home).map((it) => it.replace(/:[\d/]+:/, ":0:"));
    }
    return fieldTexts(embedded, `${inline}/${number}`, home);
  });
}

const output: Record<string, Record<string, string>> = {};
for (const path of packages) {
  const ofPackage: Record<string, string> = {};
  for (const [full, type] of types) {
    if (type.file.package !== path || type.fields === undefined) continue;
    if (special[full] !== undefined) continue;
    const fields = fieldTexts(type, "", path);
    if (fields.length === 0 && type.underlying !== "struct{}") continue;
    const atomic = type.markers.get("structType")?.[0] === "atomic" ? "*" : "";
    ofPackage[type.name] = atomic + fields.join("|");
  }
  output[definitionPackage(path)] = ofPackage;
}

// The models say what OpenAPI calls required; the declarations must agree.
const names = modelNames(
  Object.entries(output).flatMap(([path, it]) => Object.keys(it).map((name) => `${path}.${name}`)),
);

function disagreements(model: Model): string[] {
  const definition = names.get(model.name);
  if (definition === undefined) return [`model ${model.name} has no type`];
  const at = definition.lastIndexOf(".");
  const text = output[definition.slice(0, at)]?.[definition.slice(at + 1)] ?? "";
  const fields = text.replace("*", "").split("|");
  const ours = new Map(
    fields.filter((it) => it !== "").map((it) => [it.split(":")[0], it.split(":")[2]?.includes("r")]),
  );
  const theirs = new Map(model.fields.map((it) => [it.name, it.required]));
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .filter((it) => ours.get(it) !== theirs.get(it ?? ""))
    .map((it) => `${definition}.${String(it)}: the model and the declaration differ`);
}

const problems = (await readModels()).flatMap(disagreements);
if (problems.length > 0) throw new Error(problems.join("\n"));
writeFileSync("src/api/gen/schema.json", `${JSON.stringify(output, null, 1)}\n`);
