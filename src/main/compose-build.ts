import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { imageOf } from "#compose/convert/names.ts";
import type { Build, FileSource, Project } from "#compose/project/model.ts";
import { findImage } from "#images/verbs/find-image.ts";
import { plainBuild, type BuildCommandOptions } from "./build-options.ts";
import { withImages } from "./image-verbs.ts";

export interface ComposeBuildFlags {
  readonly dataDir: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly quiet: boolean;
  readonly progress: BuildCommandOptions["progress"];
  /** `NAME=VALUE`, before those of the files. */
  readonly buildArg: readonly string[];
}

/** Builds the images of the services that have a `build`; `only` those, unless it is empty. */
export async function buildServices(
  project: Project,
  only: readonly string[],
  flags: ComposeBuildFlags,
): Promise<void> {
  const { build } = await import("./build.ts");
  for (const [name, service] of Object.entries(project.services)) {
    if (service.build === undefined || (only.length > 0 && !only.includes(name))) continue;
    const { build: section } = service;
    if (!flags.quiet) process.stderr.write(` Image ${imageOf(project, name, service)}  building\n`);
    const inline = await writeInline(section, name);
    try {
      const file = inline ?? dockerfileOf(section);
      const options = buildOptionsOf(project, { name, build: section, file }, flags);
      const code = await build(section.context, options);
      if (code !== 0) throw new Error(`service "${name}" was not built`);
    } finally {
      if (inline !== undefined) await rm(dirname(inline), { recursive: true, force: true });
    }
    if (!flags.quiet) process.stderr.write(` Image ${imageOf(project, name, service)}  built\n`);
  }
}

/** What `gantry build` is told for a service. @throws {Error} for what a build here cannot do. */
export function buildOptionsOf(
  project: Project,
  of: { readonly name: string; readonly build: Build; readonly file: string | undefined },
  flags: ComposeBuildFlags,
): BuildCommandOptions {
  const { name, build, file } = of;
  const service = project.services[name] ?? {};
  const { network = "host" } = build;
  if (!["host", "none", "default"].includes(network)) {
    throw new Error(`services.${name}.build.network: expected host or none, not '${network}'`);
  }
  const args = Object.entries(build.args ?? {}).map(([key, value]) =>
    value === null ? key : `${key}=${value}`,
  );
  return {
    ...plainBuild,
    dataDir: flags.dataDir,
    tag: [imageOf(project, name, service), ...(build.tags ?? [])],
    file,
    buildArg: [...args, ...flags.buildArg],
    label: Object.entries(build.labels ?? {}).map(([key, value]) => `${key}=${value}`),
    secret: (build.secrets ?? []).map((it) => secretOf(it, project.secrets[it], name)),
    target: build.target,
    cache: !(flags.noCache || build.no_cache === true),
    pull: flags.pull || build.pull === true,
    platform: build.platforms?.[0],
    network: network === "none" ? "none" : "host",
    progress: flags.progress,
    quiet: flags.quiet,
  };
}

function secretOf(id: string, source: FileSource | undefined, service: string): string {
  if (source?.file !== undefined) return `id=${id},src=${source.file}`;
  if (source?.environment !== undefined) return `id=${id},env=${source.environment}`;
  throw new Error(
    `services.${service}.build.secrets: ${id} is no secret of the project with a file or a variable`,
  );
}

/** That of the context, wherever the command is given. */
function dockerfileOf({ context, dockerfile }: Build): string | undefined {
  const isDirectory = existsSync(context);
  return isDirectory && dockerfile !== undefined ? resolve(context, dockerfile) : dockerfile;
}

async function writeInline(
  { dockerfile_inline: text }: Build,
  service: string,
): Promise<string | undefined> {
  if (text === undefined) return undefined;
  const path = join(await mkdtemp(join(tmpdir(), "gantry-compose-")), `${service}.Dockerfile`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** Digests of the images of services that have a `build`, as far as the store has them. */
export async function builtDigests(
  project: Project,
  dataDir: string,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const building = Object.entries(project.services).filter(([, it]) => it.build !== undefined);
  if (building.length === 0) return found;
  await withImages({ dataDir }, async (world) => {
    for (const [name, service] of building) {
      const image = await findImage(world, imageOf(project, name, service)).catch(() => undefined);
      if (image !== undefined) found.set(name, image.digest);
    }
  });
  return found;
}
