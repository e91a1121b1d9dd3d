import { InvalidArgumentError, type Command } from "commander";
import { systemClock } from "#base/clock.ts";
import type { Pod } from "#api/gen/types.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import { inSession, parseCount } from "./cluster-verbs.ts";
import { clusterOptions, collect, inContainers } from "./run-command.ts";

/** Adds what Docker's users do with containers that there are. */
export function addContainerVerbs(program: Command): void {
  addListing(program);
  addStopping(program);
  addRemoving(program);
}

interface ListFlags extends ClusterOptions {
  readonly all?: true;
  readonly quiet?: true;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly last?: number;
  readonly latest?: true;
}

function addListing(program: Command): void {
  clusterOptions(program.command("ps").description("list containers of gantry run"))
    .option("-a, --all", "those that do not run, too")
    .option("-q, --quiet", "ids only")
    .option("--no-trunc", "whole ids and commands")
    .option("-f, --filter <key=value>", "only such as these", collect, [])
    .option("--format <form>", "table, json, or a template such as {{.Names}}")
    .option("--last <number>", "so many, the newest", parseCount)
    .option("-l, --latest", "the newest")
    .action(async (flags: ListFlags) => {
      const { listContainers } = await import("#containers/find.ts");
      const { formatContainers } = await import("#containers/list.ts");
      await inSession(inContainers(flags), async (session) => {
        const options = {
          ...flags,
          noTrunc: !flags.trunc,
          last: flags.latest === true ? 1 : flags.last,
        };
        const all = await listContainers(session);
        session.io.out(formatContainers(all, options, systemClock.now()));
      });
    });
  clusterOptions(program.command("port <container> [port]"))
    .description("show where ports of a container are published")
    .action(async (name: string, port: string | undefined, flags: ClusterOptions) => {
      const { findContainer } = await import("#containers/find.ts");
      const { publishedPorts } = await import("#containers/port.ts");
      await inSession(inContainers(flags), async (session) => {
        session.io.out(publishedPorts(await findContainer(session, name), port));
      });
    });
  clusterOptions(program.command("wait <containers...>"))
    .description("wait until containers have ended, and print their exit codes")
    .action(async (names: string[], flags: ClusterOptions) => {
      const { awaitExit } = await import("#containers/run/run.ts");
      await forEach(names, flags, async (session, pod) => {
        session.io.out(`${await awaitExit(session, pod)}\n`);
      });
    });
}

function addStopping(program: Command): void {
  clusterOptions(program.command("stop <containers...>"))
    .description("end containers; they stay until they are removed")
    .option("-t, --time <seconds>", "until they are killed", parseSeconds)
    .action(async (names: string[], flags: ClusterOptions & { time?: number }) => {
      const { stopContainer } = await import("#containers/run/stop.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await stopContainer(session, pod, { seconds: flags.time }, systemClock);
        session.io.out(`${name}\n`);
      });
    });
  clusterOptions(program.command("kill <containers...>"))
    .description("send a signal to the first process of containers")
    .option("-s, --signal <signal>", "its name or number", "KILL")
    .action(async (names: string[], flags: ClusterOptions & { signal: string }) => {
      const { killContainer } = await import("#containers/run/stop.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await killContainer(session, pod, flags.signal);
        session.io.out(`${name}\n`);
      });
    });
  clusterOptions(program.command("start <containers...>"))
    .description("run containers that were created, or have ended")
    .action(async (names: string[], flags: ClusterOptions) => {
      await forEach(names, flags, start);
    });
  clusterOptions(program.command("restart <containers...>"))
    .description("end containers and run them again")
    .option("-t, --time <seconds>", "until they are killed", parseSeconds)
    .action(async (names: string[], flags: ClusterOptions & { time?: number }) => {
      const { stopContainer } = await import("#containers/run/stop.ts");
      const { findContainer } = await import("#containers/find.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await stopContainer(session, pod, { seconds: flags.time }, systemClock);
        await start(session, await findContainer(session, name), name);
      });
    });
}

async function start(session: Session, pod: Pod, name: string): Promise<void> {
  const { startContainer } = await import("#containers/run/start.ts");
  const { awaitStart } = await import("#containers/run/run.ts");
  const state = await awaitStart(session, await startContainer(session, pod));
  if (state.kind === "failed") throw new Error(state.message);
  session.io.out(`${name}\n`);
}

function addRemoving(program: Command): void {
  clusterOptions(program.command("rm <containers...>"))
    .description("remove containers")
    .option("-f, --force", "those that run, too")
    .option("-v, --volumes", "taken for Docker's sake: volumes without a name go in any case")
    .action(async (names: string[], flags: ClusterOptions & { force?: true }) => {
      const { removeContainer } = await import("#containers/run/remove.ts");
      const force = flags.force === true;
      await forEach(
        names,
        flags,
        async (session, pod, name) => {
          await removeContainer(session, pod, { force });
          session.io.out(`${name}\n`);
        },
        force,
      );
    });
}

/** Each container in turn; those that fail are told at the end, and the others done all the same. */
async function forEach(
  names: readonly string[],
  flags: ClusterOptions,
  act: (session: Session, pod: Pod, name: string) => Promise<void>,
  missingIsFine = false,
): Promise<void> {
  const { lookForContainer } = await import("#containers/find.ts");
  const { describeError } = await import("#base/log.ts");
  await inSession(inContainers(flags), async (session) => {
    for (const name of names) {
      try {
        const pod = await lookForContainer(session, name);
        if (pod !== undefined) await act(session, pod, name);
        else if (!missingIsFine) throw new Error(`No such container: ${name}`);
      } catch (error) {
        if (session.signal.aborted) throw error;
        session.io.err(`gantry: ${describeError(error)}\n`);
        process.exitCode = 1;
      }
    }
  });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new InvalidArgumentError("expected seconds");
}
