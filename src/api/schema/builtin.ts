import { assert } from "#base/assert.ts";
import schema from "#api/gen/schema.json" with { type: "json" };
import type { TypeInfo, TypeTable } from "./type-table.ts";
import { parseType } from "./type-text.ts";

const texts: Readonly<Record<string, Readonly<Record<string, string>>>> = schema;
const packages = Object.keys(texts);

function textOf(name: string): string | undefined {
  const at = name.lastIndexOf(".");
  const ofPackage = texts[name.slice(0, at)];
  const key = name.slice(at + 1);
  return ofPackage !== undefined && Object.hasOwn(ofPackage, key) ? ofPackage[key] : undefined;
}

/**
 * The types of Kubernetes 1.36. A type is built when it is first asked for and kept; what it
 * returns is shared and never changes.
 */
class BuiltinTypes implements TypeTable {
  private readonly built = new Map<string, TypeInfo>();

  find(name: string): TypeInfo {
    const found = this.built.get(name);
    if (found !== undefined) return found;
    const text = textOf(name);
    assert(text !== undefined, `type '${name}' is in the table`);
    const type = parseType(name, text, packages);
    this.built.set(name, type);
    return type;
  }

  has(name: string): boolean {
    return textOf(name) !== undefined;
  }

  *names(): Iterable<string> {
    for (const path of packages) {
      for (const name of Object.keys(texts[path] ?? {})) yield `${path}.${name}`;
    }
  }
}

/** Every type of the built-in kinds and of the API machinery, by OpenAPI definition name. */
export const builtinTypes: TypeTable = new BuiltinTypes();
