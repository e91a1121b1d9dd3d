import type { Command } from "commander";
import { systemClock } from "#base/clock.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { UpdateOptions } from "#containers/run/update.ts";
import { collect, inSession } from "#main/command-line/cluster-verbs.ts";
import type { CommitOptions } from "./commit.ts";
import { forEach } from "./verbs.ts";
import { clusterOptions, inContainers } from "./run-command.ts";

/** Adds what changes containers that there are, and what is made of them. */
export function addContainerChangeVerbs(program: Command): void {
  addPausing(program);
  addSettings(program);
  addFiles(program);
}

function addPausing(program: Command): void {
  clusterOptions(program.command("pause <containers...>"))
    .description("freeze all processes of containers")
    .action(async (names: string[], flags: ClusterOptions) => {
      const { pauseContainer } = await import("#containers/run/pause.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await pauseContainer(session, pod);
        session.io.out(`${name}\n`);
      });
    });
  clusterOptions(program.command("unpause <containers...>"))
    .description("let frozen processes go on")
    .action(async (names: string[], flags: ClusterOptions) => {
      const { unpauseContainer } = await import("#containers/run/pause.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await unpauseContainer(session, pod);
        session.io.out(`${name}\n`);
      });
    });
}

function addSettings(program: Command): void {
  clusterOptions(program.command("rename <container> <name>"))
    .description("give a container another name")
    .action(async (container: string, name: string, flags: ClusterOptions) => {
      const { renameContainer } = await import("#containers/run/rename.ts");
      await forEach([container], flags, async (session, pod) => {
        await renameContainer(session, pod, name);
      });
    });
  clusterOptions(program.command("update <containers...>"))
    .description("give containers that run other limits")
    .option("-m, --memory <bytes>", "at most, such as 512m")
    .option("--memory-reservation <bytes>", "set aside for it")
    .option("--cpus <number>", "at most, such as 1.5")
    .option("--restart <policy>", "stays as it was made")
    .action(async (names: string[], flags: ClusterOptions & UpdateOptions) => {
      const { updateContainer } = await import("#containers/run/update.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await updateContainer(session, pod, flags);
        session.io.out(`${name}\n`);
      });
    });
}

function addFiles(program: Command): void {
  clusterOptions(program.command("diff <container>"))
    .description("list what a container has changed of its image's files")
    .action(async (name: string, flags: ClusterOptions) => {
      const { changesText } = await import("#containers/run/changes.ts");
      await forEach([name], flags, async (session, pod) => {
        session.io.out(await changesText(session, pod));
      });
    });
  clusterOptions(program.command("export <container>"))
    .description("write the files of a container as a tar, without those of its volumes")
    .option("-o, --output <file>", "instead of the standard output")
    .action(async (name: string, flags: ClusterOptions & { output?: string }) => {
      const { exportContainer } = await import("./copy.ts");
      await forEach([name], flags, async (session, pod) => {
        await exportContainer(session, pod, flags.output);
      });
    });
  clusterOptions(program.command("commit <container> [image]"))
    .description("make an image of a container and what it has changed")
    .option("-a, --author <name>", "who made it")
    .option("-m, --message <text>", "what for")
    .option("-c, --change <instruction>", "of a Dockerfile, such as 'CMD [\"sh\"]'", collect, [])
    .option("-p, --pause", "freeze the container meanwhile", true)
    .option("--no-pause", "let it go on meanwhile")
    .action(
      async (name: string, image: string | undefined, flags: ClusterOptions & CommitOptions) => {
        const { commitContainer } = await import("./commit.ts");
        await forEach([name], flags, async (session, pod) => {
          await commitContainer(session, pod, image, flags);
        });
      },
    );
}

/** Adds `gantry stats` and `gantry events`. */
export function addContainerWatchVerbs(program: Command): void {
  interface StatsFlags extends ClusterOptions {
    readonly all?: true;
    readonly stream: boolean;
    readonly trunc: boolean;
    readonly format?: string;
  }
  clusterOptions(program.command("stats [containers...]"))
    .description("show what containers use, once a second")
    .option("-a, --all", "those that do not run, too")
    .option("--no-stream", "once only")
    .option("--no-trunc", "whole ids")
    .option("--format <form>", "table, json, or a template such as {{.CPUPerc}}")
    .action(async (names: string[], flags: StatsFlags) => {
      const { containersOf, showStats } = await import("#containers/run/stats.ts");
      const { all = false, stream, format } = flags;
      const of = (session: Session): ReturnType<typeof containersOf> =>
        containersOf(session, { names, all });
      await inSession(inContainers(flags), async (session) => {
        const options = { of, stream, noTrunc: !flags.trunc, format };
        await showStats(session, options, systemClock);
      });
    });
  interface EventFlags extends ClusterOptions {
    readonly filter: readonly string[];
    readonly format?: string;
    readonly until?: string;
    readonly since?: string;
  }
  clusterOptions(program.command("events"))
    .description("print what happens to containers from now on")
    .option("-f, --filter <key=value>", "only such as these", collect, [])
    .option("--format <form>", "json, or a template such as {{.Action}}")
    .option("--until <when>", "end then: a time, or a duration from now")
    .option("--since <when>", "what happened is not kept: kubectl get events has it for an hour")
    .action(async (flags: EventFlags) => {
      const { showEvents } = await import("#containers/run/events.ts");
      if (flags.since !== undefined) {
        throw new Error(
          "events --since: what happened is not kept; kubectl get events -n containers shows the last hour",
        );
      }
      await inSession(inContainers(flags), async (session) => {
        const until = await signalAt(flags.until);
        const signal = AbortSignal.any([session.signal, until]);
        const { filter, format } = flags;
        await showEvents({ ...session, signal }, { filter, format }, systemClock).catch(
          (error: unknown) => {
            if (!until.aborted) throw error;
          },
        );
      });
    });
}

/** Aborts at a time, or so long from now; never where there is none. */
async function signalAt(text: string | undefined): Promise<AbortSignal> {
  if (text === undefined) return new AbortController().signal;
  const { parseDurationMs, timeOf } = await import("#base/amounts.ts");
  const now = systemClock.now();
  const span = parseDurationMs(text) ?? timeOf(text, now) - now;
  return AbortSignal.timeout(Math.max(0, span));
}
