import { homedir } from "node:os";
import { join } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { StatusError } from "#api/status.ts";
import { systemClock } from "#base/clock.ts";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { DeleteOptions, ApplyOptions } from "#cli/apply.ts";
import type { GetOptions } from "#cli/get.ts";
import { resolvePath } from "./options.ts";
import { defaultDataDirectory, pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { terminalIo } from "#main/process/terminal-io.ts";

/** The verbs of kubectl that a machine without it needs most. Each loads its code when it runs. */
export function addClusterVerbs(program: Command): void {
  addReading(program);
  addLogs(program);
  addWriting(program);
  addRollout(program);
}

function addReading(program: Command): void {
  clusterVerb(program, "get <words...>", "list objects, or show those that are named")
    .option("-o, --output <form>", "wide, json, yaml or name")
    .option("-l, --selector <labels>", "only objects with these labels")
    .option("--field-selector <fields>", "only objects with these fields")
    .option("-A, --all-namespaces", "of every namespace")
    .option("--show-labels", "with a column for labels")
    .action(async (words: string[], options: GetOptions) => {
      const { get } = await import("#cli/get.ts");
      await inSession(options, async (session) => {
        await get(session, words, options);
      });
    });
  clusterVerb(program, "describe <words...>", "show an object and its events").action(
    async (words: string[], options: ClusterOptions) => {
      const { describe } = await import("#cli/describe.ts");
      await inSession(options, async (session) => {
        await describe(session, words, systemClock);
      });
    },
  );
}

interface LogFlags extends ClusterOptions {
  readonly container?: string;
  readonly follow?: true;
  readonly previous?: true;
  readonly timestamps?: true;
  readonly tail?: number;
  readonly since?: string;
  readonly until?: string;
}

/** Of a container of `gantry run`, or of a pod. */
function addLogs(program: Command): void {
  clusterVerb(program, "logs <target>", "print what a container or a pod has written")
    .option("-c, --container <name>", "of this container of the pod")
    .option("-f, --follow", "go on until it ends")
    .option("-p, --previous", "of the run before")
    .option("-t, --timestamps", "with the time of each line")
    .option("--tail <lines>", "the last lines only; all", parseTail)
    .option("--since <when>", "what is younger than 30s, 5m, 2h, or than a time")
    .option("--until <when>", "what is older; containers only")
    .action(async (target: string, flags: LogFlags) => {
      await inSession(flags, async (session) => {
        const { containerNamed } = await import("./two-forms.ts");
        const container = await containerNamed(session, target, flags);
        if (container === undefined) {
          const { logs } = await import("#cli/logs.ts");
          await logs(session, target, flags);
          return;
        }
        const { containerLogs } = await import("#containers/run/logs.ts");
        const options = {
          follow: flags.follow === true,
          timestamps: flags.timestamps === true,
          tail: flags.tail,
          since: flags.since,
          until: flags.until,
        };
        await containerLogs(container.session, container.pod, options, systemClock.now());
      });
    });
}

function addWriting(program: Command): void {
  clusterVerb(program, "apply", "make objects as the files say")
    .requiredOption("-f, --filename <path...>", "file, folder, or - for standard input")
    .option("--force-conflicts", "take fields over from other managers")
    .option("--dry-run", "ask the server, change nothing")
    .action(async (options: ApplyOptions & ClusterOptions) => {
      const { apply } = await import("#cli/apply.ts");
      await inSession(options, async (session) => {
        await apply(session, options);
      });
    });
  clusterVerb(program, "delete [words...]", "delete objects by name or by file")
    .option("-f, --filename <path...>", "file, folder, or - for standard input")
    .option("--grace-period <seconds>", "time to end in", parseCount)
    .action(async (words: string[], options: DeleteOptions & ClusterOptions) => {
      const { remove } = await import("#cli/apply.ts");
      await inSession(options, async (session) => {
        await remove(session, words, options);
      });
    });
  clusterVerb(program, "scale <words...>", "set the number of replicas")
    .requiredOption("--replicas <number>", "how many", parseCount)
    .action(async (words: string[], options: ClusterOptions & { replicas: number }) => {
      const { scale } = await import("#cli/rollout.ts");
      await inSession(options, async (session) => {
        await scale(session, words, options.replicas);
      });
    });
}

function addRollout(program: Command): void {
  const rollout = program.command("rollout").description("follow, undo and restart rollouts");
  clusterVerb(rollout, "status <target>", "wait until the rollout is complete").action(
    async (target: string, options: ClusterOptions) => {
      const { rolloutStatus } = await import("#cli/rollout.ts");
      await inSession(options, async (session) => {
        await rolloutStatus(session, target);
      });
    },
  );
  clusterVerb(rollout, "history <target>", "list the revisions").action(
    async (target: string, options: ClusterOptions) => {
      const { rolloutHistory } = await import("#cli/rollout.ts");
      await inSession(options, async (session) => {
        await rolloutHistory(session, target);
      });
    },
  );
  clusterVerb(rollout, "undo <target>", "return to the revision before, or to another")
    .option("--to-revision <number>", "to this revision", parseCount, 0)
    .action(async (target: string, options: ClusterOptions & { toRevision: number }) => {
      const { rolloutUndo } = await import("#cli/rollout.ts");
      await inSession(options, async (session) => {
        await rolloutUndo(session, target, options.toRevision);
      });
    });
  clusterVerb(rollout, "restart <target>", "replace every pod").action(
    async (target: string, options: ClusterOptions) => {
      const { rolloutRestart } = await import("#cli/rollout.ts");
      await inSession(options, async (session) => {
        await rolloutRestart(session, target, systemClock);
      });
    },
  );
}

export function clusterVerb(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option("-n, --namespace <name>", "in this namespace")
    .option("--kubeconfig <path>", "of this cluster")
    .option("--context <name>", "in this context of the kubeconfig")
    .option("--data-dir <path>", "of this installation", resolvePath);
}

function parseTail(text: string): number | undefined {
  return text === "all" ? undefined : parseCount(text);
}

/** Of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) {
    throw new InvalidArgumentError("expected a whole number");
  }
  return count;
}

/** Opens the cluster for one verb; the user's interrupt ends it. */
export async function inSession(
  options: ClusterOptions,
  act: (session: Session) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  process.once("SIGINT", () => {
    stop.abort(new Error("interrupted"));
  });
  try {
    await withCluster(options, stop.signal, act);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

/** Opens the cluster for one verb that sees to signals itself. */
export async function withCluster<T>(
  options: ClusterOptions & { readonly dataDir?: string },
  signal: AbortSignal,
  act: (session: Session) => Promise<T>,
): Promise<T> {
  const { openCluster } = await import("#cli/connection.ts");
  await using cluster = await openCluster(options, kubeconfigs(options.dataDir), systemClock);
  try {
    return await act({ cluster, io: terminalIo(), signal });
  } catch (error) {
    throw error instanceof StatusError ? serverError(error) : error;
  }
}

/** Where a kubeconfig may be, the likeliest first. */
function kubeconfigs(dataDir: string | undefined): string[] {
  const data = dataDir ?? process.env["GANTRY_DATA_DIR"] ?? defaultDataDirectory;
  const named = process.env["KUBECONFIG"];
  return [
    ...(named === undefined || named === "" ? [] : [named]),
    pathsBelow(data, runDirectoryOf(data)).kubeconfig,
    join(homedir(), ".kube", "config"),
  ];
}

/** As kubectl says it. */
function serverError(error: StatusError): Error {
  const reason = error.reason === "" ? "" : ` (${error.reason})`;
  return new Error(`Error from server${reason}: ${error.message}`);
}
