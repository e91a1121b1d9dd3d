import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import type { Command } from "commander";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { ConvertOptions } from "#compose/convert/convert.ts";
import type { Publishing } from "#compose/convert/container.ts";
import type { Loaded } from "#compose/project/load.ts";
import type { FileSource, Project } from "#compose/project/model.ts";
import { inSession } from "#main/command-line/cluster-verbs.ts";

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

/** What was loaded, by command: it is read, and its warnings told, once. */
const loadings = new WeakMap<Command, Promise<Loaded>>();

/** The project that the options of `compose` name. */
export async function load(compose: Command): Promise<Project> {
  return (await loaded(compose)).project;
}

async function loaded(compose: Command): Promise<Loaded> {
  const before = loadings.get(compose);
  if (before !== undefined) return await before;
  const loading = loadOnce(compose);
  loadings.set(compose, loading);
  return await loading;
}

async function loadOnce(compose: Command): Promise<Loaded> {
  const { loadProject } = await import("#compose/project/load.ts");
  const options: ProjectOptions = compose.opts();
  return await loadProject(
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
}

/** With those services that are meant. @throws {ComposeError} */
export async function selected(compose: Command, services: readonly string[]): Promise<Project> {
  const { selectServices } = await import("#compose/run/select.ts");
  const options: ProjectOptions = compose.opts();
  const { project, profiles: listed } = await loaded(compose);
  const profiles = [...(options.profile ?? []), ...listed];
  return selectServices(project, { services, profiles });
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
export async function convertOptions(
  compose: Command,
  project: Project,
  publish: Publishing,
): Promise<ConvertOptions> {
  const { lookup } = await loaded(compose);
  return {
    publish,
    isFile: (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat !== undefined && !stat.isDirectory();
    },
    contents: {
      configs: contentsOf(project.configs, lookup),
      secrets: contentsOf(project.secrets, lookup),
    },
  };
}

/** @throws {Error} naming a source that is not there. */
function contentsOf(
  sources: Readonly<Record<string, FileSource>>,
  lookup: Loaded["lookup"],
): Record<string, Buffer> {
  const found: Record<string, Buffer> = {};
  for (const [name, source] of Object.entries(sources)) {
    if (source.content !== undefined) found[name] = Buffer.from(source.content);
    if (source.environment !== undefined) {
      const value = lookup(source.environment);
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
    if (path === "-") return readFileSync(process.stdin.fd, "utf8");
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
