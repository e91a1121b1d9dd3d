import { basename, dirname, join, resolve } from "node:path";
import { present } from "#base/present.ts";
import type { Lookup } from "#compose/file/interpolation.ts";
import { placeOf } from "#compose/file/places.ts";
import { checkProject } from "./check-project.ts";
import { impliedDependencies } from "./dependencies.ts";
import { directoriesAround, environmentOf, withFiles } from "./environment.ts";
import { Loader } from "./loader.ts";
import type { LoadPorts } from "./load-ports.ts";
import type { Project, Service } from "./model.ts";
import type { FileContent } from "./read-project.ts";
import { ComposeError } from "./reading.ts";

export interface LoadOptions {
  /** Files in the order in which they win; none means those of `COMPOSE_FILE`, or the usual names. */
  readonly files: readonly string[];
  /** Undefined: of `COMPOSE_PROJECT_NAME`, of the files, or of the directory. */
  readonly projectName?: string | undefined;
  readonly projectDirectory?: string | undefined;
  /** Undefined: those of `COMPOSE_ENV_FILES`, or `.env` of the project's directory. */
  readonly envFiles?: readonly string[] | undefined;
}

/** The path that stands for the standard input. */
export const standardInput = "-";

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
  /** Those of `COMPOSE_PROFILES`, of the shell or of an environment file. */
  readonly profiles: readonly string[];
  /** Variables of the shell and of the environment files. */
  readonly lookup: Lookup;
}

/**
 * Reads a project: its files, those that they include and extend, and the environment files.
 * Profiles are not applied. @throws {Error} that begins with the place of a fault.
 */
export async function loadProject(options: LoadOptions, ports: LoadPorts): Promise<Loaded> {
  const envFiles = options.envFiles ?? listed(ports.environment["COMPOSE_ENV_FILES"], ",");
  const first = directoryOf(options.files, options, ports);
  // The files may be named by an environment file, and another one may be beside them.
  const early = await environmentOf(envFiles, first, ports);
  const files = await chooseFiles(options, first, { lookup: early, ports });
  const directory = directoryOf(files, options, ports);
  const late = directory === first ? early : await environmentOf(envFiles, directory, ports);
  const variables: Lookup = (name) => early(name) ?? late(name);
  const loader = new Loader(ports);
  const name = await projectName(options, variables, { loader, files, directory });
  const lookup: Lookup = (it) => (it === "COMPOSE_PROJECT_NAME" ? name : variables(it));
  const content = await loader.files(files, { directory, lookup }, []);
  const project = await atPlaces(loader, () =>
    finished(name, content, { directory, lookup, ports }),
  );
  for (const it of new Set(loader.unset)) {
    ports.warn(`The "${it}" variable is not set. Defaulting to a blank string.`);
  }
  const profiles = listed(variables("COMPOSE_PROFILES"), ",") ?? [];
  return { project, directory, profiles, lookup };
}

async function finished(
  name: string,
  content: FileContent,
  {
    directory,
    lookup,
    ports,
  }: { readonly directory: string; readonly lookup: Lookup; readonly ports: LoadPorts },
): Promise<Project> {
  const project = explicit({ ...content, name }, directory);
  checkProject(project);
  const services: Record<string, Service> = {};
  for (const [key, service] of Object.entries(project.services)) {
    services[key] = await withFiles(key, service, lookup, ports);
  }
  return { ...project, services };
}

/**
 * With the contexts of builds and the dependencies that links and the like imply, without names that volumes and the like
 * have in any case.
 */
function explicit(project: FileContent & { readonly name: string }, directory: string): Project {
  function plain<
    T extends { readonly name?: string | undefined; readonly external?: boolean | undefined },
  >(parts: Readonly<Record<string, T>>): Record<string, T> {
    const entries = Object.entries(parts).map(([key, it]) => {
      const implied = it.external === true ? key : `${project.name}_${key}`;
      return [key, it.name === implied ? present({ ...it, name: undefined }) : it] as const;
    });
    return Object.fromEntries(entries);
  }
  const services = Object.entries(project.services).map(([name, it]) => {
    const dependencies = { ...impliedDependencies(it), ...it.depends_on };
    const hasAny = Object.keys(dependencies).length > 0;
    const { build } = it;
    const whole: Service = present({
      ...it,
      depends_on: hasAny ? dependencies : undefined,
      build: build === undefined ? undefined : { context: directory, ...build },
    });
    return [name, whole] as const;
  });
  return {
    ...project,
    services: Object.fromEntries(services),
    volumes: plain(project.volumes),
    networks: plain(project.networks),
    configs: plain(project.configs),
    secrets: plain(project.secrets),
  };
}

/** Names the file, the line and the column in what is wrong with the whole. */
async function atPlaces<T>({ places }: Loader, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    const place = placeOf(places, error.path);
    throw place === undefined ? error : error.at(place);
  }
}

function directoryOf(files: readonly string[], options: LoadOptions, ports: LoadPorts): string {
  const { projectDirectory: given } = options;
  const [first = standardInput] = files;
  return resolve(ports.workingDirectory, given ?? (first === standardInput ? "." : dirname(first)));
}

async function chooseFiles(
  options: LoadOptions,
  directory: string,
  { lookup, ports }: { readonly lookup: Lookup; readonly ports: LoadPorts },
): Promise<readonly string[]> {
  const absolute = (it: string): string =>
    it === standardInput ? it : resolve(ports.workingDirectory, it);
  if (options.files.length > 0) return options.files.map(absolute);
  const named = listed(lookup("COMPOSE_FILE"), lookup("COMPOSE_PATH_SEPARATOR") ?? ":");
  if (named !== undefined) return named.map(absolute);
  for (const at of directoriesAround(directory)) {
    const found = await firstOf(usualNames, at, ports);
    if (found === undefined) continue;
    const override = await firstOf(usualOverrides, at, ports);
    return override === undefined ? [found] : [found, override];
  }
  throw new Error(
    `no configuration file provided: not found: ${usualNames.join(", ")} in ${directory} and above`,
  );
}

function listed(text: string | undefined, separator: string): readonly string[] | undefined {
  const words = (text ?? "").split(separator).map((it) => it.trim());
  const found = words.filter((it) => it !== "");
  return found.length === 0 ? undefined : found;
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

async function projectName(
  options: LoadOptions,
  lookup: Lookup,
  of: {
    readonly loader: Loader;
    readonly files: readonly string[];
    readonly directory: string;
  },
): Promise<string> {
  const asked = options.projectName ?? lookup("COMPOSE_PROJECT_NAME");
  const given =
    asked === undefined || asked === "" ? await of.loader.name(of.files, lookup) : asked;
  const chosen =
    given ??
    basename(of.directory)
      .toLowerCase()
      .replaceAll(/[^a-z0-9_-]/g, "")
      .replace(/^[_-]+/, "");
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(chosen)) {
    throw new ComposeError(
      "name",
      `'${chosen}' is no project name: lower case letters, digits, '-' and '_', not beginning with the last two`,
    );
  }
  return chosen;
}
