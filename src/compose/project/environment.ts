import { dirname, join, resolve } from "node:path";
import { present } from "#base/present.ts";
import { parseDotenv } from "#compose/file/dotenv.ts";
import type { Lookup } from "#compose/file/interpolation.ts";
import { environmentOf as rawEnvironmentOf } from "#containers/flags/environment.ts";
import type { LoadPorts } from "./load-ports.ts";
import type { EnvFile, Service } from "./model.ts";
import { ComposeError } from "./reading.ts";

/**
 * Variables of the shell, which win, and of environment files. @param given undefined: the `.env` of
 * the directory, if it is there and `COMPOSE_DISABLE_ENV_FILE` does not say otherwise.
 */
export async function environmentOf(
  given: readonly string[] | undefined,
  directory: string,
  ports: LoadPorts,
): Promise<Lookup> {
  const shell: Lookup = (name) => ports.environment[name];
  const values = new Map<string, string>();
  const isOff = /^(1|t|true)$/i.test(ports.environment["COMPOSE_DISABLE_ENV_FILE"] ?? "");
  for (const file of given ?? (isOff ? [] : [join(directory, ".env")])) {
    const path = resolve(ports.workingDirectory, file);
    const text = await ports.read(path);
    if (text === undefined) {
      if (given === undefined) continue;
      throw new Error(`${path}: environment file not found`);
    }
    for (const [name, value] of dotenvOf(path, text, (it) => shell(it) ?? values.get(it))) {
      values.set(name, value);
    }
  }
  return (name) => shell(name) ?? values.get(name);
}

function dotenvOf(path: string, text: string, lookup: Lookup): ReadonlyMap<string, string> {
  try {
    return parseDotenv(text, lookup);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The service with its environment and label files read, and with the values of variables that have
 * none; those that have none anywhere are null. @throws {ComposeError} for a file that is not there.
 */
export async function withFiles(
  name: string,
  service: Service,
  lookup: Lookup,
  ports: LoadPorts,
): Promise<Service> {
  const own: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(service.environment ?? {})) {
    own[key] = value ?? lookup(key) ?? null;
  }
  const at = `services.${name}`;
  const environment = { ...(await filedVariables(at, { service, own, lookup }, ports)), ...own };
  const hasAny = Object.keys(environment).length > 0;
  return present({
    ...service,
    environment: hasAny ? environment : service.environment,
    labels: await filedLabels(at, service, ports),
    build: service.build === undefined ? undefined : withArguments(service.build, lookup),
  });
}

async function filedVariables(
  at: string,
  of: {
    readonly service: Service;
    readonly own: Readonly<Record<string, string | null>>;
    readonly lookup: Lookup;
  },
  ports: LoadPorts,
): Promise<Readonly<Record<string, string | null>>> {
  const values: Record<string, string | null> = {};
  const known: Lookup = (it) => of.lookup(it) ?? of.own[it] ?? values[it] ?? undefined;
  for (const [index, file] of (of.service.env_file ?? []).entries()) {
    const text = await ports.read(file.path);
    if (text !== undefined) Object.assign(values, variablesOf(file, text, known));
    else if (file.required !== false) {
      throw new ComposeError(`${at}.env_file[${index}]`, `env file ${file.path} not found`);
    }
  }
  return values;
}

async function filedLabels(
  at: string,
  { labels, label_file: files }: Service,
  ports: LoadPorts,
): Promise<Service["labels"]> {
  if (files === undefined) return labels;
  const found: Record<string, string> = {};
  for (const [index, path] of files.entries()) {
    const text = await ports.read(path);
    if (text === undefined)
      throw new ComposeError(`${at}.label_file[${index}]`, `${path}: no such file`);
    for (const [key, value] of dotenvOf(path, text, () => undefined)) found[key] = value;
  }
  return { ...found, ...labels };
}

function variablesOf(
  { path, format }: EnvFile,
  text: string,
  lookup: Lookup,
): Readonly<Record<string, string>> {
  if (format !== "raw") return Object.fromEntries(dotenvOf(path, text, lookup));
  const variables = rawEnvironmentOf([{ path, text }], [], lookup);
  return Object.fromEntries(variables.map((it) => [it.name, it.value]));
}

/** Arguments without a value have that of the environment, and are left out when it has none. */
function withArguments<T extends NonNullable<Service["build"]>>(build: T, lookup: Lookup): T {
  if (build.args === undefined) return build;
  const args = Object.entries(build.args).flatMap(([key, it]): [string, string][] => {
    const value = it ?? lookup(key);
    return value === undefined ? [] : [[key, value]];
  });
  return { ...build, args: Object.fromEntries(args) };
}

/** The directory in which the usual files begin to be looked for, and those around it. */
export function directoriesAround(directory: string): readonly string[] {
  const found = [directory];
  for (let at = directory; dirname(at) !== at; at = dirname(at)) found.push(dirname(at));
  return found;
}
