import { Option, type Command } from "commander";
import { systemClock } from "#base/clock.ts";
import type { Publishing } from "#compose/convert/container.ts";
import type { Project } from "#compose/project/model.ts";
import type { ComposeBuildFlags } from "./build.ts";
import { collect, parseCount } from "#main/command-line/cluster-verbs.ts";
import { addComposeContainerVerbs } from "./container-verbs.ts";
import { convertOptions, dataDirOf, inProject, load, selected } from "./project.ts";
import { dataDirOption } from "#main/command-line/options.ts";

const publishings = ["host-port", "load-balancer", "node-port"] as const;

/** `gantry compose …`: what compose files say, run by a cluster. Each verb loads its code when it runs. */
export function addComposeVerbs(program: Command): void {
  const compose = program
    .command("compose")
    .description("run what compose files say, in the cluster")
    .enablePositionalOptions()
    .option(
      "-f, --file <path>",
      "compose file; may be given several times, later ones win",
      collect,
    )
    .option("-p, --project-name <name>", "name of the project, and of its namespace")
    .option("--project-directory <path>", "where relative paths begin")
    .option("--env-file <path>", "environment file instead of .env; several times", collect)
    .option("--profile <name>", "with the services of this profile; several times", collect)
    .option("--kubeconfig <path>", "of this cluster")
    .option("--context <name>", "in this context of the kubeconfig")
    .option("-n, --namespace <name>", "in this namespace instead of one of the project's name")
    .addOption(dataDirOption());
  addFiles(compose);
  addRunning(compose);
  addBuilding(compose);
  addLooking(compose);
  addComposeContainerVerbs(compose);
}

function addFiles(compose: Command): void {
  compose
    .command("config [services...]")
    .description("print the project as it is read, in long forms")
    .option("--services", "only the names of the services")
    .option("--volumes", "only the names of the volumes")
    .option("--images", "only the images")
    .option("--profiles", "only the profiles")
    .option("-q, --quiet", "print nothing; fail when something is wrong")
    .option("--format <form>", "yaml or json", "yaml")
    .action(async (services: string[], options: ConfigOptions) => {
      const project = await selected(compose, services);
      process.stdout.write(await configText(project, options));
    });
  compose
    .command("convert [services...]")
    .description("write the manifests that the project stands for")
    .option("-o, --output <path>", "to this file instead of standard output")
    .addOption(
      new Option("--publish <how>", "how published ports are reached")
        .choices(publishings)
        .default("load-balancer"),
    )
    .action(async (services: string[], options: { output?: string; publish: Publishing }) => {
      const { manifestText } = await import("#compose/convert/manifest-text.ts");
      const { convert } = await import("#compose/convert/convert.ts");
      const project = await selected(compose, services);
      const manifests = convert(project, await convertOptions(compose, project, options.publish));
      for (const it of manifests.warnings) process.stderr.write(`warning: ${it}\n`);
      const text = manifestText(manifests);
      if (options.output === undefined) process.stdout.write(text);
      else {
        const { writeFile } = await import("node:fs/promises");
        await writeFile(options.output, text, { mode: 0o600 });
      }
    });
}

interface ConfigOptions {
  readonly services?: true;
  readonly volumes?: true;
  readonly images?: true;
  readonly profiles?: true;
  readonly quiet?: true;
  readonly format: string;
}

async function configText(project: Project, options: ConfigOptions): Promise<string> {
  const lines = (words: Iterable<string>): string =>
    [...new Set(words)].map((it) => `${it}\n`).join("");
  const services = Object.values(project.services);
  if (options.quiet === true) return "";
  if (options.services === true) return lines(Object.keys(project.services));
  if (options.volumes === true) return lines(Object.keys(project.volumes));
  if (options.images === true) {
    const { imageOf } = await import("#compose/convert/names.ts");
    return lines(Object.entries(project.services).map(([name, it]) => imageOf(project, name, it)));
  }
  if (options.profiles === true) return lines(services.flatMap((it) => it.profiles ?? []));
  const { printProject } = await import("#compose/project/print.ts");
  if (options.format === "json") return `${JSON.stringify(printProject(project), null, 2)}\n`;
  const { formatYaml } = await import("#api/yaml.ts");
  return formatYaml(printProject(project));
}

interface UpFlags {
  /** True: every image; false: none; undefined: those that are not there. */
  readonly build?: boolean;
  readonly detach?: true;
  readonly wait?: true;
  readonly removeOrphans?: true;
  readonly scale?: readonly string[];
  readonly publish: Publishing;
}

function addRunning(compose: Command): void {
  compose
    .command("up [services...]")
    .description("make the services run, in the order of their dependencies")
    .option("-d, --detach", "leave them running and return")
    .option("--wait", "until all are healthy; implies -d")
    .option("--build", "build every image first; those that are not there are in any case")
    .option("--no-build", "build none")
    .option("--remove-orphans", "remove services that the files do not have any more")
    .option("--scale <service=number>", "so many of a service; several times", collect)
    .addOption(
      new Option("--publish <how>", "how published ports are reached")
        .choices(publishings)
        .default("host-port"),
    )
    .action(async (services: string[], options: UpFlags) => {
      const whole = await load(compose);
      const project = withScale(await selected(compose, services), options.scale ?? []);
      await inProject(compose, project.name, async (session) => {
        const { up } = await import("#compose/run/up.ts");
        const built = await buildFor(compose, project, options.build);
        await up(session, project, {
          ...(await convertOptions(compose, project, options.publish)),
          built: (name) => built.get(name),
          wait: options.wait === true,
          removeOrphans: options.removeOrphans === true,
          all: Object.keys(whole.services),
        });
        if (options.detach === true || options.wait === true) return;
        const { logs } = await import("#compose/run/logs.ts");
        const { attachedServices } = await import("#compose/run/select.ts");
        const of = { project: project.name, services: attachedServices(project, services) };
        await logs(session, of, { follow: true, timestamps: false, prefix: true });
      });
    });
  compose
    .command("down")
    .description("remove the services; volumes stay")
    .option("-v, --volumes", "remove the volumes, too")
    .option("--remove-orphans", "taken for Docker's sake: all of the project goes in any case")
    .action(async (options: { volumes?: true }) => {
      const { name } = await load(compose);
      await inProject(compose, name, async (session) => {
        const { down } = await import("#compose/run/down.ts");
        await down(session, name, { volumes: options.volumes === true });
      });
    });
}

interface BuildFlags {
  readonly cache: boolean;
  readonly pull?: true;
  readonly quiet?: true;
  readonly progress: ComposeBuildFlags["progress"];
  readonly buildArg: readonly string[];
}

function addBuilding(compose: Command): void {
  compose
    .command("build [services...]")
    .description("build the images of services that have a build section")
    .option("--build-arg <name=value>", "value of an ARG, before that of the files", collect, [])
    .option("--no-cache", "run every step")
    .option("--pull", "ask the registry for newer base images")
    .option("-q, --quiet", "print nothing but what fails")
    .addOption(
      new Option("--progress <form>", "how progress is shown")
        .choices(["auto", "plain", "tty", "quiet"])
        .default("auto"),
    )
    .action(async (services: string[], flags: BuildFlags) => {
      const { buildServices } = await import("./build.ts");
      const project = await selected(compose, services);
      await buildServices(project, services, {
        dataDir: dataDirOf(compose),
        noCache: !flags.cache,
        pull: flags.pull === true,
        quiet: flags.quiet === true,
        progress: flags.progress,
        buildArg: flags.buildArg,
      });
    });
}

/** Builds what is to be built before the services run; resolves with the digests of what there is. */
async function buildFor(
  compose: Command,
  project: Project,
  wanted: boolean | undefined,
): Promise<ReadonlyMap<string, string>> {
  const { buildServices, builtDigests } = await import("./build.ts");
  const dataDir = dataDirOf(compose);
  const before = await builtDigests(project, dataDir);
  const missing = Object.entries(project.services)
    .filter(([name, it]) => it.build !== undefined && (wanted === true || !before.has(name)))
    .map(([name]) => name);
  if (wanted === false || missing.length === 0) return before;
  const flags = { dataDir, noCache: false, pull: false, quiet: false, buildArg: [] };
  await buildServices(project, missing, { ...flags, progress: "auto" });
  return await builtDigests(project, dataDir);
}

interface PsFlags {
  readonly all?: true;
  readonly format: string;
  readonly quiet?: true;
  readonly services?: true;
  readonly status?: string;
}

function addLooking(compose: Command): void {
  compose
    .command("ps [services...]")
    .description("list what runs")
    .option("-a, --all", "what has ended, too")
    .option("--format <form>", "table or json", "table")
    .option("-q, --quiet", "names only")
    .option("--services", "the names of services only")
    .option("--status <state>", "such as running or exited")
    .action(async (services: string[], options: PsFlags) => {
      const { name } = await load(compose);
      await inProject(compose, name, async (session) => {
        const { list } = await import("#compose/run/list.ts");
        const of = { project: name, services, now: systemClock.now() };
        await list(session, of, {
          ...options,
          all: options.all === true,
          json: options.format === "json",
        });
      });
    });
  compose
    .command("logs [services...]")
    .description("print what the services have written")
    .option("-f, --follow", "go on as they write")
    .option("-t, --timestamps", "with the time of each line")
    .option("-n, --tail <lines>", "the last lines only", parseCount)
    .option("--no-log-prefix", "without the names of the containers")
    .action(
      async (
        services: string[],
        options: { follow?: true; timestamps?: true; tail?: number; logPrefix: boolean },
      ) => {
        const { name } = await load(compose);
        await inProject(compose, name, async (session) => {
          const { logs } = await import("#compose/run/logs.ts");
          await logs(
            session,
            { project: name, services },
            {
              follow: options.follow === true,
              tail: options.tail,
              timestamps: options.timestamps === true,
              prefix: options.logPrefix,
            },
          );
        });
      },
    );
}

function withScale(project: Project, scales: readonly string[]): Project {
  const services = { ...project.services };
  for (const it of scales) {
    const [, name = "", number] = /^([^=]+)=(\d+)$/.exec(it) ?? [];
    const service = services[name];
    if (service === undefined || number === undefined) {
      throw new Error(`--scale ${it}: expected SERVICE=NUMBER, with a service of the project`);
    }
    services[name] = { ...service, scale: Number(number) };
  }
  return { ...project, services };
}
