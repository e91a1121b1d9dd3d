import { dirname, resolve } from "node:path";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseCompose, without } from "#compose/file/document.ts";
import { interpolate, type Lookup } from "#compose/file/interpolation.ts";
import { environmentOf } from "./environment.ts";
import type { LoadPorts } from "./load-ports.ts";
import { mergeServices } from "./merge.ts";
import type { Service } from "./model.ts";
import { resolvePath } from "./read-mounts.ts";
import { emptyContent, mergeContents, readContent, type FileContent } from "./read-project.ts";
import { readService } from "./read-service.ts";
import { ComposeError, Reading } from "./reading.ts";

/** Files that include or extend one another. */
const depthMax = 20;

/** What several files say together. */
export interface RawFiles {
  readonly name: string | undefined;
  readonly content: FileContent;
}

interface At {
  readonly directory: string;
  readonly lookup: Lookup;
}

/** Reads files, what they include and what their services extend. */
export class Loader {
  /** Variables without a value that were met. */
  readonly unset: string[] = [];
  readonly #ports: LoadPorts;

  constructor(ports: LoadPorts) {
    this.#ports = ports;
  }

  /** Several files, of which the later ones amend the earlier. */
  async files(paths: readonly string[], at: At, depth: number): Promise<RawFiles> {
    if (depth > depthMax)
      throw new Error(`${paths[0] ?? ""}: files include one another in a circle`);
    let name: string | undefined;
    let content = emptyContent;
    for (const path of paths) {
      const { document, amendments } = await this.#document(path, at.lookup);
      const declared = new Reading(document["name"], `${path}: name`).text();
      if (declared !== undefined && declared !== "") name = declared;
      for (const it of amendments) content = without(content, it);
      const included = await this.#included(document, path, { at, depth });
      const own = await this.#content(document, path, { at, depth });
      content = mergeContents(mergeContents(content, included), own);
    }
    return { name, content };
  }

  async #document(
    path: string,
    lookup: Lookup,
  ): Promise<{
    readonly document: JsonObject;
    readonly amendments: readonly (readonly string[])[];
  }> {
    const text = await this.#ports.read(path);
    if (text === undefined) throw new Error(`${path}: no such file`);
    const { content, amendments } = parseCompose(text, path);
    const document = this.#resolved(content, "", { path, lookup }) as JsonObject;
    return { document, amendments: amendments.map((it) => it.path) };
  }

  /** All texts with their variables replaced; keys and extensions stay as they are. */
  #resolved(
    value: Json,
    place: string,
    of: { readonly path: string; readonly lookup: Lookup },
  ): Json {
    if (typeof value === "string") {
      try {
        const { text, unset } = interpolate(value, of.lookup);
        this.unset.push(...unset);
        return text;
      } catch (error) {
        throw new Error(`${of.path}: ${place}: ${(error as Error).message}`, { cause: error });
      }
    }
    if (Array.isArray(value)) {
      return value.map((it, index) => this.#resolved(it, `${place}[${index}]`, of));
    }
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value)
      .filter(([key]) => place !== "" || !key.startsWith("x-"))
      .map(([key, it]) => {
        const inner = place === "" ? key : `${place}.${key}`;
        return [key, this.#resolved(it ?? null, inner, of)] as const;
      });
    return Object.fromEntries(entries);
  }

  async #included(
    document: JsonObject,
    path: string,
    { at, depth }: { readonly at: At; readonly depth: number },
  ): Promise<FileContent> {
    let content = emptyContent;
    for (const it of new Reading(document["include"], "include").list()) {
      const isLong = isJsonObject(it.value);
      if (isLong) it.mapping(["path", "project_directory", "env_file"]);
      const paths = (isLong ? it.at("path") : it).texts();
      const files = paths.map((file) => resolve(dirname(path), file));
      const given = isLong ? it.at("project_directory").text() : undefined;
      const directory = resolve(at.directory, given ?? dirname(files[0] ?? path));
      const envFiles =
        isLong && !it.at("env_file").isAbsent ? it.at("env_file").texts() : undefined;
      const absolute = envFiles?.map((file) => resolve(at.directory, file));
      const own = await environmentOf(absolute, directory, this.#ports);
      // Values of the including project win over those beside the included files.
      const lookup: Lookup = (name) => at.lookup(name) ?? own(name);
      const included = await this.files(files, { directory, lookup }, depth + 1);
      content = mergeContents(content, included.content);
    }
    return content;
  }

  async #content(
    document: JsonObject,
    path: string,
    { at, depth }: { readonly at: At; readonly depth: number },
  ): Promise<FileContent> {
    const place = { directory: at.directory, home: this.#ports.home };
    const content = inFile(path, () => readContent(document, place));
    const services: Record<string, Service> = {};
    for (const name of Object.keys(content.services)) {
      services[name] = await this.#extended(name, { document, path, at, depth, seen: [] });
    }
    return { ...content, services };
  }

  /** A service with what it extends, from this file or from another one. */
  async #extended(
    name: string,
    of: {
      readonly document: JsonObject;
      readonly path: string;
      readonly at: At;
      readonly depth: number;
      readonly seen: readonly string[];
    },
  ): Promise<Service> {
    const { path, at } = of;
    const id = `${path}#${name}`;
    if (of.seen.includes(id)) {
      throw new ComposeError(`${path}: services.${name}.extends`, "Circular reference");
    }
    const reading = new Reading(of.document["services"], "services").at(name);
    if (reading.isAbsent) throw new ComposeError(path, `service "${name}" not found`);
    const place = { directory: at.directory, home: this.#ports.home };
    const own = inFile(path, () => readService(reading, place));
    const extension = reading.at("extends");
    if (extension.isAbsent) return own;
    const isLong = isJsonObject(extension.value);
    const base = (isLong ? extension.at("service") : extension).needed();
    const file = isLong ? extension.at("file").text() : undefined;
    const seen = [...of.seen, id];
    if (file === undefined) return mergeServices(await this.#extended(base, { ...of, seen }), own);
    const other = resolvePath(file, { directory: dirname(path), home: this.#ports.home });
    const { document } = await this.#document(other, at.lookup);
    const there = { ...of, document, path: other, seen };
    const directory = dirname(other);
    return mergeServices(await this.#extended(base, { ...there, at: { ...at, directory } }), own);
  }
}

/** Names the file in what went wrong in it. */
function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
}
