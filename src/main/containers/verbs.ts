import { InvalidArgumentError, Option, type Command } from "commander";
import { systemClock } from "#base/clock.ts";
import type { Pod } from "#api/gen/types.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { CopyOptions } from "./copy.ts";
import { collect, inSession, parseCount } from "#main/command-line/cluster-verbs.ts";
import { clusterOptions, inContainers } from "./run-command.ts";

/** Adds what Docker's users do with containers that there are. */
export function addContainerVerbs(program: Command): void {
  addListing(program);
  addStopping(program);
  addRemoving(program);
  addCopying(program);
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

interface StopFlags extends ClusterOptions {
  readonly timeout?: number;
  readonly time?: number;
}

/** What `--timeout` was called before. */
function olderTime(): Option {
  return new Option("--time <seconds>", "the same").argParser(parseSeconds).hideHelp();
}

function addStopping(program: Command): void {
  clusterOptions(program.command("stop <containers...>"))
    .description("end containers; they stay until they are removed")
    .option("-t, --timeout <seconds>", "until they are killed", parseSeconds)
    .addOption(olderTime())
    .action(async (names: string[], flags: StopFlags) => {
      const { stopContainer } = await import("#containers/run/stop.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await stopContainer(session, pod, { seconds: flags.timeout ?? flags.time }, systemClock);
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
    .option("-a, --attach", "until it ends, with its output")
    .option("-i, --interactive", "pass input on")
    .action(
      async (names: string[], flags: ClusterOptions & { attach?: true; interactive?: true }) => {
        const attached = flags.attach === true || flags.interactive === true;
        if (attached && names.length > 1)
          throw new Error("you cannot attach to several containers at once");
        await forEach(names, flags, attached ? startAttached : start);
      },
    );
  clusterOptions(program.command("attach <container>"))
    .description("connect with a container that runs, until it ends")
    .option("--detach-keys <keys>", "keys that leave it running", "ctrl-p,ctrl-q")
    .option("--no-stdin", "pass no input on")
    .action(async (name: string, flags: AttachFlags) => {
      const { parseDetachKeys } = await import("#cli/detach-keys.ts");
      const { containerStateOf } = await import("#containers/state.ts");
      await forEach([name], flags, async (session, pod) => {
        if (containerStateOf(pod).kind !== "running") {
          throw new Error("cannot attach to a stopped container, start it first");
        }
        const keys = parseDetachKeys(flags.detachKeys);
        process.exitCode = await attach(session, pod, keys, flags.stdin);
      });
    });
  clusterOptions(program.command("restart <containers...>"))
    .description("end containers and run them again")
    .option("-t, --timeout <seconds>", "until they are killed", parseSeconds)
    .addOption(olderTime())
    .action(async (names: string[], flags: StopFlags) => {
      const { stopContainer } = await import("#containers/run/stop.ts");
      const { findContainer } = await import("#containers/find.ts");
      await forEach(names, flags, async (session, pod, name) => {
        await stopContainer(session, pod, { seconds: flags.timeout ?? flags.time }, systemClock);
        await start(session, await findContainer(session, name), name);
      });
    });
}

interface AttachFlags extends ClusterOptions {
  readonly detachKeys: string;
  /** False with `--no-stdin`. */
  readonly stdin: boolean;
}

async function start(session: Session, pod: Pod, name: string): Promise<void> {
  const { startContainer } = await import("#containers/run/start.ts");
  const { awaitStart } = await import("#containers/run/run.ts");
  const state = await awaitStart(session, await startContainer(session, pod));
  if (state.kind === "failed") throw new Error(state.message);
  session.io.out(`${name}\n`);
}

async function startAttached(session: Session, pod: Pod): Promise<void> {
  const { startContainer } = await import("#containers/run/start.ts");
  const { awaitStart } = await import("#containers/run/run.ts");
  const { defaultDetachKeys } = await import("#cli/detach-keys.ts");
  const started = await startContainer(session, pod, { attached: true });
  const state = await awaitStart(session, started);
  if (state.kind === "failed") throw new Error(state.message);
  process.exitCode = await attach(session, started, defaultDetachKeys);
}

async function attach(
  session: Session,
  pod: Pod,
  detachKeys: readonly number[],
  takesInput = true,
): Promise<number> {
  const { attachToEnd } = await import("#containers/run/run.ts");
  const { stdin: isOpen = false, tty = false } = pod.spec?.containers[0] ?? {};
  const stdin = isOpen && takesInput;
  return await attachToEnd(session, pod, { stdin, tty, remove: false, detachKeys });
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

function addCopying(program: Command): void {
  clusterOptions(program.command("cp <source> <target>"))
    .description(
      "copy files from or to a container: NAME:PATH; - is a tar of standard input or output",
    )
    .option("-a, --archive", "keep the numbers of users and groups", false)
    .option("-L, --follow-link", "copy what a link as the source leads to", false)
    .option("-q, --quiet", "taken for Docker's sake: there is no progress to leave out")
    .action(async (from: string, to: string, flags: ClusterOptions & CopyOptions) => {
      const { copyFiles } = await import("./copy.ts");
      await inSession(inContainers(flags), async (session) => {
        await copyFiles(session, from, to, flags);
      });
    });
  clusterOptions(program.command("top <container> [args...]"))
    .description("list the processes of a container; what follows its name is for the node's ps")
    .passThroughOptions()
    .action(async (name: string, args: string[], flags: ClusterOptions) => {
      const { processTable } = await import("#containers/run/processes.ts");
      await forEach([name], flags, async (session, pod) => {
        session.io.out(await processTable(session, pod, args));
      });
    });
}

/** Each container in turn; those that fail are told at the end, and the others done all the same. */
export async function forEach(
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
