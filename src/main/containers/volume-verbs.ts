import type { Command } from "commander";
import type { Fields } from "#base/go-template/values.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { VolumeListOptions } from "#containers/volumes.ts";
import { collect, inSession } from "#main/command-line/cluster-verbs.ts";
import { clusterOptions, inContainers } from "./run-command.ts";

/** Adds `gantry volume` and `gantry network`. */
export function addVolumeVerbs(program: Command): void {
  addVolumes(program.command("volume").description("volumes of containers"));
  addNetworks(program.command("network").description("networks of containers"));
}

function addVolumes(volume: Command): void {
  clusterOptions(volume.command("ls").description("list volumes"))
    .option("-q, --quiet", "names only")
    .option("-f, --filter <key=value>", "only such as these", collect, [])
    .option("--format <form>", "table, json, or a template such as {{.Name}}")
    .action(async (flags: ClusterOptions & VolumeListOptions) => {
      const { formatVolumes, listVolumes, usedClaims } = await import("#containers/volumes.ts");
      await inSession(inContainers(flags), async (session) => {
        const used = await usedClaims(session);
        session.io.out(formatVolumes(await listVolumes(session), used, flags));
      });
    });
  clusterOptions(volume.command("create [name]").description("make a volume"))
    .option("--label <name=value>", "label", collect, [])
    .option("--size <quantity>", "what its claim asks for, such as 10Gi")
    .action(
      async (
        name: string | undefined,
        flags: ClusterOptions & { label: readonly string[]; size?: string },
      ) => {
        const { createVolume } = await import("#containers/volumes.ts");
        const { pairsOf } = await import("#containers/flags/environment.ts");
        const { madeUpName } = await import("#containers/plan/made-up-name.ts");
        const { systemRandom } = await import("#base/random.ts");
        const chosen = name ?? madeUpName(systemRandom);
        await inSession(inContainers(flags), async (session) => {
          await createVolume(session, chosen, { size: flags.size, labels: pairsOf(flags.label) });
          session.io.out(`${chosen}\n`);
        });
      },
    );
  clusterOptions(volume.command("rm <volumes...>").description("remove volumes"))
    .option("-f, --force", "those that are not there are fine")
    .action(async (names: string[], flags: ClusterOptions & { force?: true }) => {
      const { removeVolume } = await import("#containers/run/remove.ts");
      await forNames(names, flags, async (session, name) => {
        await removeVolume(session, name).catch((error: unknown) => {
          const isMissing = (error as Error).message.includes("no such volume");
          if (flags.force !== true || !isMissing) throw error;
        });
        session.io.out(`${name}\n`);
      });
    });
  inspecting(volume.command("inspect <volumes...>").description("show volumes")).action(
    async (names: string[], flags: InspectFlags) => {
      const { inspectVolume } = await import("#containers/volumes.ts");
      const shown: Fields[] = [];
      await forNames(names, flags, async (session, name) => {
        shown.push(await inspectVolume(session, name));
      });
      const { formatInspected } = await import("./inspect.ts");
      process.stdout.write(formatInspected(shown, flags.format));
    },
  );
  clusterOptions(volume.command("prune").description("remove volumes that no container has"))
    .option("-f, --force", "taken for Docker's sake: nobody is asked")
    .action(async (flags: ClusterOptions) => {
      const { pruneVolumes } = await import("#containers/volumes.ts");
      await inSession(inContainers(flags), async (session) => {
        for (const name of await pruneVolumes(session)) session.io.out(`${name}\n`);
      });
    });
}

interface InspectFlags extends ClusterOptions {
  readonly format?: string;
}

function inspecting(command: Command): Command {
  return clusterOptions(command).option("-f, --format <template>", "json, or such as {{.Name}}");
}

function addNetworks(network: Command): void {
  clusterOptions(network.command("ls").description("list networks"))
    .option("-q, --quiet", "names only")
    .action(async (flags: ClusterOptions & { quiet?: true }) => {
      const { builtInNetworks, listNetworks, networkNameOf } =
        await import("#containers/run/networks.ts");
      const { formatTable } = await import("#base/docker-format.ts");
      await inSession(inContainers(flags), async (session) => {
        const own = (await listNetworks(session)).map(networkNameOf);
        const names = [...builtInNetworks, ...own];
        session.io.out(
          flags.quiet === true
            ? names.map((it) => `${it}\n`).join("")
            : formatTable([["NAME", "SCOPE"], ...names.map((it) => [it, "cluster"])]),
        );
      });
    });
  clusterOptions(network.command("create <name>").description("make a network"))
    .option("--internal", "without a way out")
    .action(async (name: string, flags: ClusterOptions & { internal?: true }) => {
      const { createNetwork } = await import("#containers/run/networks.ts");
      await inSession(inContainers(flags), async (session) => {
        await createNetwork(session, name, { internal: flags.internal === true });
        session.io.out(`${name}\n`);
      });
    });
  inspecting(network.command("inspect <networks...>").description("show networks")).action(
    async (names: string[], flags: InspectFlags) => {
      const { inspectNetwork } = await import("#containers/run/networks.ts");
      const shown: Fields[] = [];
      await forNames(names, flags, async (session, name) => {
        shown.push(await inspectNetwork(session, name));
      });
      const { formatInspected } = await import("./inspect.ts");
      process.stdout.write(formatInspected(shown, flags.format));
    },
  );
  clusterOptions(network.command("prune").description("remove networks that no container is in"))
    .option("-f, --force", "taken for Docker's sake: nobody is asked")
    .action(async (flags: ClusterOptions) => {
      const { pruneNetworks } = await import("#containers/run/networks.ts");
      await inSession(inContainers(flags), async (session) => {
        for (const name of await pruneNetworks(session)) session.io.out(`${name}\n`);
      });
    });
  clusterOptions(network.command("rm <networks...>").description("remove networks")).action(
    async (names: string[], flags: ClusterOptions) => {
      const { removeNetwork } = await import("#containers/run/networks.ts");
      await forNames(names, flags, async (session, name) => {
        await removeNetwork(session, name);
        session.io.out(`${name}\n`);
      });
    },
  );
}

async function forNames(
  names: readonly string[],
  flags: ClusterOptions,
  act: (session: Session, name: string) => Promise<void>,
): Promise<void> {
  const { describeError } = await import("#base/log.ts");
  await inSession(inContainers(flags), async (session) => {
    for (const name of names) {
      try {
        await act(session, name);
      } catch (error) {
        if (session.signal.aborted) throw error;
        session.io.err(`gantry: ${describeError(error)}\n`);
        process.exitCode = 1;
      }
    }
  });
}
