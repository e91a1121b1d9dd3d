import { basename, dirname, join, resolve } from "node:path";
import type { Lookup } from "#compose/file/interpolation.ts";
import { environmentOf, withEnvironment } from "./environment.ts";
import { Loader, type RawFiles } from "./loader.ts";
import type { LoadPorts } from "./load-ports.ts";
import type { Project, Service } from "./model.ts";
import { checkProject } from "./read-project.ts";
import { ComposeError } from "./reading.ts";

export interface LoadOptions {
  /** Files in the order in which they win; none means the usual names. */
  readonly files: readonly string[];
  /** Undefined: of `COMPOSE_PROJECT_NAME`, of the files, or of the directory. */
  readonly projectName?: string | undefined;
  readonly projectDirectory?: string | undefined;
  /** Undefined: `.env` of the project's directory, if it is there. */
  readonly envFiles?: readonly string[] | undefined;
}

const usualNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
const usualOverrides = [
  "compose.override.yaml",
  "compose.override.yml",
  "docker-compose.override.yaml",
  "docker-compose.override.yml",
];

export interface Loaded {
  readonly project: Project;
  readonly directory: string;
}

/**
 * Reads a project: its files, those that they include and extend, and the environment files.
 * Profiles are not applied. @throws {Error} that begins with the place of a fault.
 */
export async function loadProject(options: LoadOptions, ports: LoadPorts): Promise<Loaded> {
  const files = await chooseFiles(options, ports);
  const directory = resolve(
    ports.workingDirectory,
    options.projectDirectory ?? dirname(files[0] ?? "."),
  );
  const lookup = await environmentOf(options.envFiles, directory, ports);
  const loader = new Loader(ports);
  const raw = await loader.files(files, { directory, lookup }, 0);
  const name = projectName(options, lookup, { raw, directory });
  const project: Project = { name, ...raw.content };
  checkProject(project);
  const services: Record<string, Service> = {};
  for (const [key, service] of Object.entries(project.services)) {
    services[key] = await withEnvironment(service, lookup, ports);
  }
  for (const it of new Set(loader.unset)) {
    ports.warn(`The "${it}" variable is not set. Defaulting to a blank string.`);
  }
  return { project: { ...project, services }, directory };
}

async function chooseFiles(options: LoadOptions, ports: LoadPorts): Promise<readonly string[]> {
  if (options.files.length > 0) {
    return options.files.map((it) => resolve(ports.workingDirectory, it));
  }
  const given = ports.environment["COMPOSE_FILE"];
  if (given !== undefined && given !== "") {
    const separator = ports.environment["COMPOSE_PATH_SEPARATOR"] ?? ":";
    return given.split(separator).map((it) => resolve(ports.workingDirectory, it));
  }
  const at = resolve(ports.workingDirectory, options.projectDirectory ?? ".");
  const found = await firstOf(usualNames, at, ports);
  if (found === undefined) {
    throw new Error(`no configuration file provided: not found: ${usualNames.join(", ")} in ${at}`);
  }
  const override = await firstOf(usualOverrides, at, ports);
  return override === undefined ? [found] : [found, override];
}

async function firstOf(
  names: readonly string[],
  directory: string,
  ports: LoadPorts,
): Promise<string | undefined> {
  for (const name of names) {
    const path = join(directory, name);
    if ((await ports.read(path)) !== undefined) return path;
  }
  return undefined;
}

function projectName(
  options: LoadOptions,
  lookup: Lookup,
  of: { readonly raw: RawFiles; readonly directory: string },
): string {
  const asked = options.projectName ?? lookup("COMPOSE_PROJECT_NAME");
  const name = asked === undefined || asked === "" ? of.raw.name : asked;
  const chosen =
    name ??
    basename(of.directory)
      .toLowerCase()
      .replaceAll(/[^a-z0-9_-]/g, "");
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(chosen)) {
    throw new ComposeError(
      "name",
      `'${chosen}' is no project name: lower case letters, digits, '-' and '_', not beginning with the last two`,
    );
  }
  return chosen;
}
