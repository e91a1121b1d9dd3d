import { Option, type Command } from "commander";
import { collect } from "#main/command-line/cluster-verbs.ts";
import { parseCount } from "./limits.ts";
import { parseBytes, plainBuild, type BuildCommandOptions } from "./options.ts";
import { dataDirOption, type Where } from "#main/command-line/options.ts";

/** Adds `gantry build`. */
export function addBuildCommand(program: Command): void {
  const command = program
    .command("build [context]")
    .description(
      "build an image from a Dockerfile: of a directory, a tar archive's URL, or - for stdin",
    )
    .option("-t, --tag <name>", "name of the image; may be repeated", collect, [])
    .option("-f, --file <path>", "the Dockerfile; - for stdin; that of the context if unset")
    .option("--build-arg <name=value>", "value of an ARG", collect, [])
    .option("--label <name=value>", "label of the image", collect, [])
    .option(
      "--secret <id=…,src=…>",
      "what RUN --mount=type=secret sees; env= for a variable",
      collect,
      [],
    )
    .option(
      "--ssh <id=socket>",
      "agent that RUN --mount=type=ssh sees; default is yours",
      collect,
      [],
    )
    .option(
      "--build-context <name=…>",
      "files or an image in the place of a stage or image: a directory, a repository, docker-image://…",
      collect,
      [],
    )
    .option("--add-host <host=address>", "a line of RUN's /etc/hosts; may be repeated", collect, [])
    .option("--target <stage>", "build this stage; the last if unset")
    .option("--no-cache", "run every step")
    .option("--no-cache-filter <stage>", "run every step of a stage", collect, [])
    .option("--cache-from <type=…>", "results of steps: registry, local", collect, [])
    .option("--cache-to <type=…>", "where they are written: registry, local, inline", collect, [])
    .option("--pull", "ask the registry for newer base images", false)
    .option("--platform <os/arch>", "of the image: this machine's is the only one")
    .addOption(new Option("--network <mode>", "of RUN").choices(["host", "none"]).default("host"))
    .option("--allow <entitlement>", "security.insecure lets RUN --security=insecure", collect, [])
    .option("-o, --output <type=…,dest=…>", "image, registry, oci, docker, local, tar", collect, [])
    .addOption(
      new Option("--progress <form>", "how progress is shown")
        .choices(["auto", "plain", "tty", "quiet"])
        .default("auto"),
    )
    .option("-q, --quiet", "print the image's digest and nothing else", false)
    .option("--push", "push the image too, as --output type=registry", false)
    .option("--iidfile <path>", "write the image's digest to a file")
    .option("--metadata-file <path>", "write the image's digests and names to a file, as JSON")
    .option(
      "--cache-size <bytes>",
      "of the results of steps that are kept",
      parseBytes,
      plainBuild.cacheSize,
    )
    .option("--check", "look for faults in the Dockerfile and build nothing", false)
    .addOption(
      new Option("--call <what>", "check: as --check; targets: list the stages")
        .choices(["build", "check", "targets"])
        .default("build"),
    )
    .option("--annotation <key=value>", "annotation of the image's manifest", collect, [])
    .addOption(dataDirOption())
    .action(async (context: string | undefined, options: BuildCommandOptions) => {
      const { build } = await import("./build.ts");
      process.exitCode = await build(context ?? ".", options);
    });
  addLimitOptions(command);
  addAcceptedOptions(command);
}

/** What Docker's client takes and that has one meaning here. */
function addAcceptedOptions(command: Command): void {
  command
    .option("--provenance <false>", "attestations are not made", "false")
    .option("--sbom <false>", "attestations are not made", "false")
    .addOption(new Option("--load").hideHelp())
    .addOption(new Option("--rm").hideHelp())
    .addOption(new Option("--force-rm").hideHelp());
}

/** What bounds the commands of RUN. */
function addLimitOptions(command: Command): void {
  command
    .option("--ulimit <name=soft:hard>", "of RUN; may be repeated", collect, [])
    .option("--shm-size <bytes>", "of RUN's /dev/shm", parseBytes)
    .option("-m, --memory <bytes>", "bound of RUN's memory", parseBytes)
    .option("--memory-swap <bytes>", "bound of RUN's memory and swap", parseBytes)
    .option("-c, --cpu-shares <number>", "RUN's weight among others", parseCount)
    .option("--cpu-period <microseconds>", "what --cpu-quota is a part of", parseCount)
    .option("--cpu-quota <microseconds>", "of each period, for RUN", parseCount)
    .option("--cpuset-cpus <list>", "processors that RUN may use, such as 0-1")
    .option("--cpuset-mems <list>", "memory nodes that RUN may use");
}

/** Adds `gantry builder prune`. */
export function addBuilderCommand(program: Command): void {
  program
    .command("builder")
    .description("what builds keep")
    .command("prune")
    .description("remove the results of steps and the caches that builds keep")
    .addOption(dataDirOption())
    .action(async ({ dataDir }: Where) => {
      const { systemClock } = await import("#base/clock.ts");
      const { pruneBuilds } = await import("#build/engine/open.ts");
      const { formatSize } = await import("#base/docker-format.ts");
      const freed = await pruneBuilds(`${dataDir}/build`, systemClock);
      process.stdout.write(`Total reclaimed space: ${formatSize(freed)}\n`);
    });
}
