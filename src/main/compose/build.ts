import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { imageOf } from "#compose/convert/names.ts";
import type { Build, FileSource, Project } from "#compose/project/model.ts";
import { findImage } from "#images/verbs/find-image.ts";
import { plainBuild, type BuildCommandOptions } from "#main/build/options.ts";
import { withImages } from "#main/images/verbs.ts";

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
  const { build } = await import("#main/build/build.ts");
  for (const name of buildOrder(project, only)) {
    const service = project.services[name];
    if (service?.build === undefined) continue;
    const { build: section } = service;
    for (const it of buildLosses(section)) {
      process.stderr.write(`warning: services.${name}.build.${it} is ignored\n`);
    }
    if (!flags.quiet) process.stderr.write(` Image ${imageOf(project, name, service)}  building\n`);
    const inline = await writeInline(section, name);
    try {
      const file = inline ?? dockerfileOf(section);
      const options = buildOptionsOf(project, { name, build: section, file }, flags);
      const code = await build(section.context ?? ".", options);
      if (code !== 0) throw new Error(`service "${name}" was not built`);
    } finally {
      if (inline !== undefined) await rm(dirname(inline), { recursive: true, force: true });
    }
    if (!flags.quiet) process.stderr.write(` Image ${imageOf(project, name, service)}  built\n`);
  }
}

/** Services that are built, after those whose images they build upon. @throws {Error} for a circle. */
export function buildOrder(project: Project, only: readonly string[]): readonly string[] {
  const order = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const section = project.services[name]?.build;
    if (section === undefined || order.has(name)) return;
    if (path.includes(name)) {
      throw new Error(
        `services.${name}.build: contexts in a circle: ${[...path, name].join(" -> ")}`,
      );
    }
    for (const it of Object.values(section.additional_contexts ?? {})) {
      const [, other] = /^service:(.*)$/.exec(it) ?? [];
      if (other !== undefined) visit(other, [...path, name]);
    }
    order.add(name);
  };
  for (const name of only.length > 0 ? only : Object.keys(project.services)) visit(name, []);
  return [...order];
}

/** Keys of a build section that a build here does not heed. */
function buildLosses(section: Build): readonly string[] {
  const keys = ["cache_from", "cache_to", "isolation", "no_cache_filter", "provenance"] as const;
  const others = ["sbom", "shm_size", "ulimits", "privileged"] as const;
  return [...keys, ...others].filter((it) => {
    const value = section[it];
    return value !== undefined && value !== false && value !== "false";
  });
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
    ...inputsOf(project, name, build),
    target: build.target,
    cache: !(flags.noCache || build.no_cache === true),
    pull: flags.pull || build.pull === true,
    platform: build.platforms?.[0],
    network: network === "none" ? "none" : "host",
    progress: flags.progress,
    quiet: flags.quiet,
  };
}

/** What a build may use besides its context. */
function inputsOf(
  project: Project,
  name: string,
  build: Build,
): Pick<BuildCommandOptions, "secret" | "ssh" | "allow" | "addHost" | "buildContext"> {
  const { secrets = [], ssh = [], entitlements = [], extra_hosts: hosts = [] } = build;
  return {
    secret: secrets.map(({ source, target }) =>
      secretOf(target ?? source, project.secrets[source], name),
    ),
    ssh,
    allow: entitlements,
    addHost: hosts,
    buildContext: Object.entries(build.additional_contexts ?? {}).map(
      ([key, it]) => `${key}=${contextOf(project, it)}`,
    ),
  };
}

/** The image of a service, where a context is one. */
function contextOf(project: Project, context: string): string {
  const [, name] = /^service:(.*)$/.exec(context) ?? [];
  const service = name === undefined ? undefined : project.services[name];
  if (name === undefined || service === undefined) return context;
  return `docker-image://${imageOf(project, name, service)}`;
}

function secretOf(id: string, source: FileSource | undefined, service: string): string {
  if (source?.file !== undefined) return `id=${id},src=${source.file}`;
  if (source?.environment !== undefined) return `id=${id},env=${source.environment}`;
  throw new Error(
    `services.${service}.build.secrets: ${id} is no secret of the project with a file or a variable`,
  );
}

/** That of the context, wherever the command is given. */
function dockerfileOf({ context = ".", dockerfile }: Build): string | undefined {
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
