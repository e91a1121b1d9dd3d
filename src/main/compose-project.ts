import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import type { Command } from "commander";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { ConvertOptions } from "#compose/convert/convert.ts";
import type { Publishing } from "#compose/convert/container.ts";
import type { FileSource, Project } from "#compose/project/model.ts";
import { inSession } from "./cluster-verbs.ts";

interface ProjectOptions {
  readonly file?: readonly string[];
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly envFile?: readonly string[];
  readonly profile?: readonly string[];
}

export function dataDirOf(compose: Command): string {
  return compose.opts<{ dataDir: string }>().dataDir;
}

/** The project that the options of `compose` name. */
export async function load(compose: Command): Promise<Project> {
  const { loadProject } = await import("#compose/project/load.ts");
  const options: ProjectOptions = compose.opts();
  const { project } = await loadProject(
    {
      files: options.file ?? [],
      projectName: options.projectName,
      projectDirectory: options.projectDirectory,
      envFiles: options.envFile,
    },
    {
      read: readIfThere,
      environment: process.env,
      workingDirectory: process.cwd(),
      home: homedir(),
      warn: (line) => process.stderr.write(`warning: ${line}\n`),
    },
  );
  return project;
}

/** With those services that are meant. @throws {ComposeError} */
export async function selected(compose: Command, services: readonly string[]): Promise<Project> {
  const { selectServices } = await import("#compose/run/select.ts");
  const options: ProjectOptions = compose.opts();
  const listed = (process.env["COMPOSE_PROFILES"] ?? "").split(",").filter((it) => it !== "");
  const profiles = [...(options.profile ?? []), ...listed];
  return selectServices(await load(compose), { services, profiles });
}

/** In the namespace of the project. */
export async function inProject(
  compose: Command,
  project: string,
  act: (session: Session) => Promise<void>,
): Promise<void> {
  const { objectName } = await import("#api/names.ts");
  const options: ClusterOptions = compose.opts();
  await inSession({ ...options, namespace: options.namespace ?? objectName(project) }, act);
}

/** What the conversion asks of this machine. */
export function convertOptions(project: Project, publish: Publishing): ConvertOptions {
  return {
    publish,
    isFile: (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat !== undefined && !stat.isDirectory();
    },
    contents: { configs: contentsOf(project.configs), secrets: contentsOf(project.secrets) },
  };
}

/** @throws {Error} naming a source that is not there. */
function contentsOf(sources: Readonly<Record<string, FileSource>>): Record<string, Buffer> {
  const found: Record<string, Buffer> = {};
  for (const [name, source] of Object.entries(sources)) {
    if (source.content !== undefined) found[name] = Buffer.from(source.content);
    if (source.environment !== undefined) {
      const value = process.env[source.environment];
      if (value === undefined) {
        throw new Error(`${name}: the environment variable ${source.environment} is not set`);
      }
      found[name] = Buffer.from(value);
    }
    if (source.file !== undefined) found[name] = readFileSync(source.file);
  }
  return found;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
