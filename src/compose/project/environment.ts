import { join, resolve } from "node:path";
import { parseDotenv } from "#compose/file/dotenv.ts";
import type { Lookup } from "#compose/file/interpolation.ts";
import type { LoadPorts } from "./load-ports.ts";
import type { Service } from "./model.ts";
import { present } from "#base/present.ts";

/** Variables of the shell win over those of environment files. */
export async function environmentOf(
  given: readonly string[] | undefined,
  directory: string,
  ports: LoadPorts,
): Promise<Lookup> {
  const shell: Lookup = (name) => ports.environment[name];
  const values = new Map<string, string>();
  for (const file of given ?? [join(directory, ".env")]) {
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

/** The environment with its files read, and with the values of names that have none. */
export async function withEnvironment(
  service: Service,
  lookup: Lookup,
  ports: LoadPorts,
): Promise<Service> {
  const values: Record<string, string | null> = {};
  for (const { path, required } of service.env_file ?? []) {
    const text = await ports.read(path);
    if (text === undefined) {
      if (required) throw new Error(`env file ${path} not found`);
      continue;
    }
    for (const [name, value] of dotenvOf(path, text, lookup)) values[name] = value;
  }
  for (const [name, value] of Object.entries(service.environment ?? {})) {
    const resolved = value ?? lookup(name);
    if (resolved !== undefined) values[name] = resolved;
  }
  const isEmpty = Object.keys(values).length === 0 && service.environment === undefined;
  return present({
    ...service,
    env_file: undefined,
    environment: isEmpty ? undefined : values,
  });
}
