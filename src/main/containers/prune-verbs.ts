import type { Command } from "commander";
import type { ClusterOptions } from "#cli/connection.ts";
import { inSession } from "#main/command-line/cluster-verbs.ts";
import { clusterOptions, inContainers } from "./run-command.ts";
import type { Where } from "#main/command-line/options.ts";

type PruneFlags = ClusterOptions &
  Where & {
    readonly all?: true;
    readonly volumes?: true;
  };

/** Adds `gantry system`, `gantry container prune` and `gantry image prune`. */
export function addPruneVerbs(program: Command): void {
  const system = program.command("system").description("what containers and images take");
  clusterOptions(system.command("df").description("show what images take on the disk")).action(
    async (flags: PruneFlags) => {
      const { diskUsage } = await import("./disk-usage.ts");
      await inSession(inContainers(flags), async (session) => {
        session.io.out(await diskUsage(session, flags));
      });
    },
  );
  prune(system.command("prune").description("remove containers, networks and images not in use"))
    .option("-a, --all", "images with a name that no container has, too")
    .option("--volumes", "volumes that no container has, too")
    .action(async (flags: PruneFlags) => {
      const { pruneContainers } = await import("#containers/run/remove.ts");
      const { pruneNetworks } = await import("#containers/run/networks.ts");
      const { pruneVolumes } = await import("#containers/volumes.ts");
      const { pruneImages } = await import("./disk-usage.ts");
      await inSession(inContainers(flags), async (session) => {
        const { io } = session;
        const say = (title: string, names: readonly string[]): void => {
          if (names.length > 0) io.out(`${title}:\n${names.join("\n")}\n\n`);
        };
        say("Deleted Containers", await pruneContainers(session));
        say("Deleted Networks", await pruneNetworks(session));
        if (flags.volumes === true) say("Deleted Volumes", await pruneVolumes(session));
        const images = await pruneImages(session, { ...flags, all: flags.all === true });
        say("Deleted Images", images.lines);
        io.out(`Total reclaimed space: ${images.freed}\n`);
      });
    });
  const container = program.command("container").description("single containers");
  prune(container.command("prune").description("remove containers that do not run")).action(
    async (flags: PruneFlags) => {
      const { pruneContainers } = await import("#containers/run/remove.ts");
      await inSession(inContainers(flags), async (session) => {
        const ids = await pruneContainers(session);
        if (ids.length > 0) session.io.out(`Deleted Containers:\n${ids.join("\n")}\n`);
      });
    },
  );
}

/** `gantry image prune`. */
export function addImagePrune(image: Command): void {
  prune(image.command("prune").description("remove images without a name"))
    .option("-a, --all", "those with a name that no container has, too")
    .action(async (flags: PruneFlags) => {
      const { pruneImages } = await import("./disk-usage.ts");
      await inSession(inContainers(flags), async (session) => {
        const { lines, freed } = await pruneImages(session, { ...flags, all: flags.all === true });
        if (lines.length > 0) session.io.out(`Deleted Images:\n${lines.join("\n")}\n\n`);
        session.io.out(`Total reclaimed space: ${freed}\n`);
      });
    });
}

function prune(command: Command): Command {
  return clusterOptions(command).option("-f, --force", "taken for Docker's sake: nobody is asked");
}
