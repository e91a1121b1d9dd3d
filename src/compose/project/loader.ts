import { dirname, resolve } from "node:path";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { parseCompose, without, type ComposeDocument } from "#compose/file/document.ts";
import { interpolate, type Interpolated, type Lookup } from "#compose/file/interpolation.ts";
import { placeOf, type Places } from "#compose/file/places.ts";
import { below, check } from "#compose/schema/check.ts";
import { composeFile } from "#compose/schema/compose-file.ts";
import { environmentOf } from "./environment.ts";
import type { LoadPorts } from "./load-ports.ts";
import { mergeServices } from "./merge.ts";
import type { Service } from "./model.ts";
import { resolvePath, type Place } from "./read-mounts.ts";
import { emptyContent, mergeContents, readContent, type FileContent } from "./read-project.ts";
import { readService } from "./read-service.ts";
import { ComposeError, Reading } from "./reading.ts";

/** Files that include or extend one another. */
const depthMax = 20;

interface At {
  readonly directory: string;
  readonly lookup: Lookup;
}

/** One document with its variables replaced, whose shape is right. */
interface Resolved {
  readonly path: string;
  readonly content: JsonObject;
  readonly places: Places;
  readonly amendments: ComposeDocument["amendments"];
}

/** A service of a document. */
interface ServiceAt {
  readonly document: Resolved;
  readonly at: At;
  /** Services that it is wanted for, by file and name. */
  readonly seen: readonly string[];
}

/** Reads files, what they include and what their services extend. */
export class Loader {
  /** Variables without a value that were met. */
  readonly unset: string[] = [];
  /** Where what all files say together was said: `file:line:column` by path; later files win. */
  readonly places = new Map<string, string>();
  readonly #ports: LoadPorts;
  readonly #parsed = new Map<string, readonly ComposeDocument[]>();

  constructor(ports: LoadPorts) {
    this.#ports = ports;
  }

  /** The name that the last of the files with one gives the project; undefined: none. */
  async name(paths: readonly string[], lookup: Lookup): Promise<string | undefined> {
    let name: string | undefined;
    for (const path of paths) {
      for (const { content, places } of await this.#documents(path)) {
        const declared = content["name"];
        if (typeof declared !== "string" || declared === "") continue;
        const resolved = this.#resolved(declared, "name", { path, places, lookup });
        if (typeof resolved === "string" && resolved !== "") name = resolved;
      }
    }
    return name;
  }

  /** Several files, of which the later ones amend the earlier. */
  async files(paths: readonly string[], at: At, seen: readonly string[]): Promise<FileContent> {
    const again = paths.find((it) => seen.includes(it));
    if (again !== undefined || seen.length > depthMax) {
      const circle = [...seen, again ?? ""].join(" -> ");
      throw new Error(
        `${seen.at(-1) ?? ""}: include: files include one another in a circle: ${circle}`,
      );
    }
    let content = emptyContent;
    for (const path of paths) {
      for (const it of await this.#documents(path)) {
        const document = this.#checked(it, path, at.lookup);
        for (const { path: amended } of document.amendments) content = without(content, amended);
        const included = await this.#included(document, at, [...seen, path]);
        const own = await this.#content(document, at);
        content = mergeContents(mergeContents(content, included), own);
        for (const [key, place] of document.places) this.places.set(key, `${path}:${place}`);
      }
    }
    return content;
  }

  async #documents(path: string): Promise<readonly ComposeDocument[]> {
    const before = this.#parsed.get(path);
    if (before !== undefined) return before;
    const text = await this.#ports.read(path);
    if (text === undefined) throw new Error(`${path}: no such file`);
    const documents = parseCompose(text, path);
    this.#parsed.set(path, documents);
    return documents;
  }

  /** @throws {Error} naming all faults with their places. */
  #checked(document: ComposeDocument, path: string, lookup: Lookup): Resolved {
    const { places, amendments } = document;
    const content = this.#resolved(document.content, "", { path, places, lookup }) as JsonObject;
    const faults = check(content, composeFile);
    if (faults.length > 0) {
      const lines = faults.map(({ path: place, at = place, problem }) => {
        const where = place === "" ? "" : `${place}: `;
        return `${located(path, places, at)}: ${where}${problem}`;
      });
      throw new Error(lines.join("\n"));
    }
    return { path, content, places, amendments };
  }

  /** All texts with their variables replaced; keys stay as they are. */
  #resolved(
    value: Json,
    place: string,
    of: { readonly path: string; readonly places: Places; readonly lookup: Lookup },
  ): Json {
    if (typeof value === "string") {
      const { text, unset } = interpolatedAt(value, place, of);
      this.unset.push(...unset);
      return text;
    }
    if (Array.isArray(value)) {
      return value.map((it, index) => this.#resolved(it, `${place}[${index}]`, of));
    }
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).map(
      ([key, it]) => [key, this.#resolved(it ?? null, below(place, key), of)] as const,
    );
    return Object.fromEntries(entries);
  }

  async #included(document: Resolved, at: At, seen: readonly string[]): Promise<FileContent> {
    let content = emptyContent;
    for (const it of new Reading(document.content["include"], "include").list()) {
      const isLong = isJsonObject(it.value);
      const files = ((isLong ? it.at("path") : it).texts() ?? []).map((file) =>
        resolve(at.directory, file),
      );
      const given = isLong ? it.at("project_directory").text() : undefined;
      const directory = resolve(at.directory, given ?? dirname(files[0] ?? document.path));
      const envFiles = (isLong ? it.at("env_file").texts() : undefined)
        ?.filter((file) => file !== "/dev/null")
        .map((file) => resolve(at.directory, file));
      const own = await environmentOf(envFiles, directory, this.#ports);
      // Values of the including project win over those beside the included files.
      const lookup: Lookup = (name) => at.lookup(name) ?? own(name);
      content = mergeContents(content, await this.files(files, { directory, lookup }, seen));
    }
    return content;
  }

  async #content(document: Resolved, at: At): Promise<FileContent> {
    const content = inDocument(document, () => readContent(document.content, this.#place(at)));
    const services: Record<string, Service> = {};
    for (const name of Object.keys(content.services)) {
      services[name] = await this.#extended(name, { document, at, seen: [] });
    }
    return { ...content, services };
  }

  /** A service with what it extends, from this file or from another one. */
  async #extended(name: string, of: ServiceAt): Promise<Service> {
    const { document, at } = of;
    const id = `${document.path}#${name}`;
    const place = `services.${name}`;
    return await inDocumentAsync(document, async () => {
      if (of.seen.includes(id)) {
        const circle = [...of.seen, id].join(" -> ");
        throw new ComposeError(`${place}.extends`, `Circular reference: ${circle}`);
      }
      const reading = new Reading(document.content["services"], "services").at(name);
      const own = readService(reading, this.#place(at));
      const extension = reading.at("extends");
      if (extension.isAbsent) return own;
      const base = await this.#base(extension, { ...of, seen: [...of.seen, id] });
      // What the service resets is gone from its base.
      let kept = { services: { [name]: base } };
      for (const it of document.amendments) kept = without(kept, it.path);
      return mergeServices(kept.services[name] ?? {}, own);
    });
  }

  /** The service that is extended. */
  async #base(extension: Reading, of: ServiceAt): Promise<Service> {
    const isLong = isJsonObject(extension.value);
    const name = (isLong ? extension.at("service") : extension).needed();
    const file = isLong ? extension.at("file").text() : undefined;
    let there = of;
    if (file !== undefined) {
      const path = resolvePath(file, this.#place(of.at));
      if ((await this.#ports.read(path)) === undefined) {
        throw extension.at("file").fail(`${path}: no such file`);
      }
      const documents = await this.#documents(path);
      const found = documents.findLast((it) => hasService(it, name)) ?? documents.at(-1);
      if (found === undefined) throw extension.fail(`${path}: empty compose file`);
      const document = this.#checked(found, path, of.at.lookup);
      there = { ...of, document, at: { ...of.at, directory: dirname(path) } };
    }
    if (!hasService(there.document, name)) {
      throw extension.fail(`service "${name}" not found in ${there.document.path}`);
    }
    return await this.#extended(name, there);
  }

  #place({ directory }: At): Place {
    return { directory, home: this.#ports.home };
  }
}

function hasService({ content }: Pick<ComposeDocument, "content">, name: string): boolean {
  const { services } = content;
  return isJsonObject(services) && Object.hasOwn(services, name);
}

/** `file:line:column`, as near as the file tells. */
function located(file: string, places: Places, path: string): string {
  const place = placeOf(places, path);
  return place === undefined ? file : `${file}:${place}`;
}

function interpolatedAt(
  value: string,
  place: string,
  of: { readonly path: string; readonly places: Places; readonly lookup: Lookup },
): Interpolated {
  try {
    return interpolate(value, of.lookup);
  } catch (error) {
    throw withPlace(of, new ComposeError(place, (error as Error).message));
  }
}

/** Names the place in what went wrong in a document. */
function inDocument<T>(document: Resolved, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withPlace(document, error);
  }
}

async function inDocumentAsync<T>(document: Resolved, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw withPlace(document, error);
  }
}

function withPlace({ path, places }: Pick<Resolved, "path" | "places">, error: unknown): unknown {
  if (!(error instanceof ComposeError)) return error;
  return error.at(located(path, places, error.path));
}
