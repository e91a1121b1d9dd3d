// Reads the type declarations of a Go package: enough of the language for Kubernetes' API types.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface GoField {
  /** Empty for an embedded type. */
  readonly name: string;
  /** As written: `*int32`, `[]Container`, `map[string]resource.Quantity`. */
  readonly type: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly markers: ReadonlyMap<string, readonly string[]>;
}

export interface GoType {
  readonly name: string;
  readonly file: GoFile;
  readonly markers: ReadonlyMap<string, readonly string[]>;
  /** Fields of a struct; undefined for a type defined as another. */
  readonly fields: readonly GoField[] | undefined;
  /** What a defined type is made of: `string`, `[]string`. */
  readonly underlying: string;
}

export interface GoFile {
  /** Import path of its package. */
  readonly package: string;
  /** Import paths by the name they go by in the file. */
  readonly imports: ReadonlyMap<string, string>;
}

/** Folder of a module version in Go's module cache, downloaded when it is not there. */
export function moduleFolder(module: string, version: string): string {
  const work = mkdtempSync(join(tmpdir(), "go-module-"));
  try {
    const text = execFileSync("go", ["mod", "download", "-json", `${module}@${version}`], {
      cwd: work,
      encoding: "utf8",
    });
    return (JSON.parse(text) as { readonly Dir: string }).Dir;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Every type of a package, and the values of its string constants. */
export function readPackage(
  folder: string,
  path: string,
): { readonly types: ReadonlyMap<string, GoType>; readonly constants: ReadonlyMap<string, string> } {
  const types = new Map<string, GoType>();
  const constants = new Map<string, string>();
  const files = readdirSync(folder).filter(
    (it) => it.endsWith(".go") && !it.endsWith("_test.go") && !/generated/.test(it),
  );
  for (const file of files.sort()) {
    const text = readFileSync(join(folder, file), "utf8");
    const source: GoFile = { package: path, imports: importsOf(text) };
    for (const type of typesOf(text, source)) if (!types.has(type.name)) types.set(type.name, type);
    for (const match of text.matchAll(/^\s*(?:const )?(\w+)(?:\s+\w+)?\s*=\s*"([^"]*)"$/gm)) {
      constants.set(match[1] ?? "", match[2] ?? "");
    }
  }
  return { types, constants };
}

function importsOf(text: string): Map<string, string> {
  const imports = new Map<string, string>();
  for (const match of text.matchAll(/^\s*(?:import )?(\w+)? ?"([\w./-]+)"$/gm)) {
    const path = match[2] ?? "";
    const alias = match[1] ?? path.slice(path.lastIndexOf("/") + 1);
    imports.set(alias, path);
  }
  return imports;
}

function typesOf(text: string, file: GoFile): GoType[] {
  const types: GoType[] = [];
  const lines = text.split("\n");
  let comment: string[] = [];
  let previous: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("//")) {
      comment.push(line.slice(2).trim());
      continue;
    }
    const declared = /^type (\w+) (?!=)(.*)$/.exec(line);
    if (declared !== null) {
      const end = line.endsWith("struct {") ? lines.indexOf("}", at) : at;
      types.push({
        name: declared[1] ?? "",
        file,
        markers: markersOf([...previous, ...comment]),
        fields: structFields(lines, at, end),
        underlying: declared[2] ?? "",
      });
    }
    // Code generators read the block above the doc comment as well.
    previous = line === "" ? comment : [];
    comment = [];
  }
  return types;
}

function structFields(
  lines: readonly string[],
  start: number,
  end: number,
): readonly GoField[] | undefined {
  if (end > start) return fieldsOf(lines.slice(start + 1, end));
  return lines[start]?.endsWith(" struct{}") === true ? [] : undefined;
}

function fieldsOf(lines: readonly string[]): GoField[] {
  const fields: GoField[] = [];
  let comment: string[] = [];
  for (const raw of lines) {
    const line = raw.trim();
    if (line.startsWith("//")) {
      comment.push(line.slice(2).trim());
      continue;
    }
    const match = /^(?:([A-Z]\w*)\s+)?([\w.*[\]{}]+)\s+`([^`]*)`/.exec(line);
    if (match !== null) {
      fields.push({
        name: match[1] ?? "",
        type: match[2] ?? "",
        tags: tagsOf(match[3] ?? ""),
        markers: markersOf(comment),
      });
    }
    comment = [];
  }
  return fields;
}

function tagsOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/(\w+):"([^"]*)"/g)].map((it) => [it[1] ?? "", it[2] ?? ""]));
}

function markersOf(comment: readonly string[]): Map<string, string[]> {
  const markers = new Map<string, string[]>();
  for (const line of comment) {
    const match = /^\+([\w:.()]+)(?:=(.*))?$/.exec(line);
    if (match === null) continue;
    const name = match[1] ?? "";
    markers.set(name, [...(markers.get(name) ?? []), match[2] ?? ""]);
  }
  return markers;
}
