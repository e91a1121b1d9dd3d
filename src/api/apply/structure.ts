import { ownValue } from "#api/json-value.ts";
import { isJsonObject, type Json } from "#api/object.ts";
import type { Field, ListShape, Shape, TypeTable } from "#api/schema/type-table.ts";
import { fieldElement, valueElement } from "./element.ts";

/**
 * A type as ownership sees it: what is owned as one value and what is looked into. It is compiled
 * from the type table once, since it is walked on every write.
 */
export type Structure =
  /** Scalars, and lists, maps and structs that are replaced as a whole. */
  | { readonly kind: "leaf" }
  | { readonly kind: "struct"; readonly field: (name: string) => StructField | undefined }
  | { readonly kind: "map"; readonly values: Structure }
  | { readonly kind: "set" }
  | { readonly kind: "keyed"; readonly items: Structure; readonly keys: readonly ItemKey[] }
  /** Nothing is known: objects are looked into, lists and scalars are owned as one value. */
  | { readonly kind: "deduced" };

export interface StructField {
  readonly element: string;
  readonly structure: Structure;
  /**
   * What Go's struct has where JSON has nothing: an empty struct, a null list. Such a field is
   * never "added", and upstream's managers do not own it itself. Undefined: the field is absent.
   */
  readonly implicit: Json | undefined;
  /** Nobody owns it: `metadata.uid` and the like. */
  readonly isUntracked: boolean;
}

/** A field that identifies an item, with the JSON that precedes its value in a path element. */
export interface ItemKey {
  readonly name: string;
  readonly prefix: string;
  readonly fallback: Json | undefined;
}

const leafStructure: Structure = { kind: "leaf" };
const setStructure: Structure = { kind: "set" };
const deducedStructure: Structure = { kind: "deduced" };

/** Fields of `metadata` that nobody owns. Upstream: managedfields `stripmeta.go`. */
const untrackedMetadata: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);

const compiled = new WeakMap<TypeTable, Map<string, Structure>>();

/** The structure of an object of that type, in which `apiVersion`, `kind` and the like are untracked. */
export function rootStructure(table: TypeTable, type: string): Structure {
  let roots = compiled.get(table);
  if (roots === undefined) {
    roots = new Map();
    compiled.set(table, roots);
  }
  let root = roots.get(type);
  if (root === undefined) {
    root = new Compiler(table).root(type);
    roots.set(type, root);
  }
  return root;
}

/** Compiles types as they are met, so that types that contain themselves end. */
class Compiler {
  readonly #table: TypeTable;
  readonly #structs = new Map<string, Structure>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  root(type: string): Structure {
    const isHeader = (name: string): boolean => name === "apiVersion" || name === "kind";
    return this.#struct(type, (name, field) => {
      if (name !== "metadata") return this.#field(field, isHeader(name));
      return {
        ...this.#field(field, false),
        structure: this.#metadata(field.shape),
        implicit: {},
      };
    });
  }

  #metadata(shape: Shape): Structure {
    if (shape.kind !== "object") return this.#structure(shape, false);
    return this.#struct(shape.type, (name, field) =>
      this.#field(field, untrackedMetadata.has(name)),
    );
  }

  #struct(type: string, compile: (name: string, field: Field) => StructField): Structure {
    const { fields } = this.#table.find(type);
    const known = new Map<string, StructField>();
    const field = (name: string): StructField | undefined => {
      const found = known.get(name);
      if (found !== undefined) return found;
      const declared = fields.get(name);
      if (declared === undefined) return undefined;
      const made = compile(name, declared);
      known.set(name, made);
      return made;
    };
    return { kind: "struct", field };
  }

  #field(field: Field, isUntracked: boolean): StructField {
    return {
      element: fieldElement(field.name),
      structure: this.#structure(field.shape, field.granular),
      implicit: implicitValue(field),
      isUntracked,
    };
  }

  #structure(shape: Shape, isGranular: boolean): Structure {
    switch (shape.kind) {
      case "object":
        return this.#object(shape.type, isGranular);
      case "map":
        if (shape.atomic) return leafStructure;
        return { kind: "map", values: this.#structure(shape.values, false) };
      case "list":
        return this.#list(shape);
      case "any":
        return deducedStructure;
      case "string":
      case "boolean":
      case "integer":
      case "number":
      case "int-or-string":
        return leafStructure;
    }
  }

  #object(type: string, isGranular: boolean): Structure {
    if (this.#table.find(type).atomic && !isGranular) return leafStructure;
    let structure = this.#structs.get(type);
    if (structure === undefined) {
      structure = this.#struct(type, (_, field) => this.#field(field, false));
      this.#structs.set(type, structure);
    }
    return structure;
  }

  #list(shape: ListShape): Structure {
    if (shape.listType === "atomic") return leafStructure;
    if (shape.listType === "set") return setStructure;
    const { items } = shape;
    const fields = items.kind === "object" ? this.#table.find(items.type).fields : undefined;
    const keys = [...shape.mapKeys].sort().map((name) => ({
      name,
      prefix: `${JSON.stringify(name)}:`,
      fallback: fields?.get(name)?.fallback,
    }));
    return { kind: "keyed", items: this.#structure(items, false), keys };
  }
}

function implicitValue(field: Field): Json | undefined {
  if (field.shape.kind === "object" && !field.pointer) return {};
  return field.omitEmpty ? undefined : null;
}

/**
 * The path element of an item of a set or of a list with keys; undefined when it cannot be told
 * apart: an item without any of the keys, null, or an object in a set.
 */
export function itemElement(
  structure: Structure & { readonly kind: "set" | "keyed" },
  item: Json,
): string | undefined {
  if (structure.kind === "set") {
    return typeof item === "object" ? undefined : valueElement(item);
  }
  if (!isJsonObject(item)) return undefined;
  let text = "";
  for (const { name, prefix, fallback } of structure.keys) {
    const value = ownValue(item, name) ?? fallback;
    if (value === undefined || value === null) continue;
    text += `${text === "" ? "" : ","}${prefix}${JSON.stringify(value)}`;
  }
  return text === "" ? undefined : `k:{${text}}`;
}
