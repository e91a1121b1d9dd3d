import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import { parseYaml } from "#api/yaml.ts";
import type { Io } from "./io.ts";
import { resourceOfObject } from "./resource-names.ts";

/** One object of a manifest, with where it stands for messages. */
export interface ManifestObject {
  readonly object: JsonObject;
  readonly resource: Resource;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly place: string;
}

const extensions = new Set([".yaml", ".yml", ".json"]);

/** Reads files, folders (their manifests, not those of subfolders) and `-`. */
export async function readManifests(paths: readonly string[], io: Io): Promise<ManifestObject[]> {
  const objects: ManifestObject[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      const text = file === "-" ? await readAll(io) : await readFile(file, "utf8");
      objects.push(...manifestsOf(text, file === "-" ? "standard input" : file));
    }
  }
  if (objects.length === 0) throw new Error(`no objects in ${paths.join(", ")}`);
  return objects;
}

async function filesOf(path: string): Promise<string[]> {
  if (path === "-" || !(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((it) => extensions.has(extname(it)));
  return names.toSorted().map((it) => join(path, it));
}

async function readAll(io: Io): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of io.stdin as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Every object of a text with several documents and lists. @throws {Error} naming the document. */
export function manifestsOf(text: string, file: string): ManifestObject[] {
  const documents = parse(text, file);
  return documents.flatMap(({ value }, number) => {
    if (value === null) return [];
    const place = `${file}, document ${number + 1}`;
    if (!isJsonObject(value)) throw new Error(`${place}: expected an object`);
    const isList = childString(value, "kind") === "List";
    const objects = isList ? childList(value, "items").filter(isJsonObject) : [value];
    return objects.map((object) => manifestOf(object, place));
  });
}

function parse(text: string, file: string): ReturnType<typeof parseYaml>["documents"] {
  try {
    return parseYaml(text).documents;
  } catch (error) {
    throw new Error(`error parsing ${file}`, { cause: error });
  }
}

function manifestOf(object: JsonObject, place: string): ManifestObject {
  const apiVersion = childString(object, "apiVersion") ?? "";
  const kind = childString(object, "kind") ?? "";
  const metadata = childObject(object, "metadata");
  const name = childString(metadata, "name") ?? "";
  if (name === "") throw new Error(`${place}: metadata.name is missing`);
  const namespace = childString(metadata, "namespace");
  try {
    return { object, resource: resourceOfObject(apiVersion, kind), name, namespace, place };
  } catch (error) {
    throw new Error(place, { cause: error });
  }
}
