import type { Command } from "commander";
import type { ClusterOptions, Session } from "#cli/connection.ts";
import type { ExecOptions } from "#cli/exec.ts";
import type { ProcessFlags } from "#containers/run/exec.ts";
import { clusterVerb, collect, inSession } from "#main/command-line/cluster-verbs.ts";

interface ExecFlags extends ExecOptions, ClusterOptions, ProcessFlags {
  readonly interactive?: true;
  readonly envFile: readonly string[];
}

/** `gantry exec`: in a container of `gantry run`, or in one of a pod. */
export function addExecVerb(program: Command): void {
  const verb = clusterVerb(program, "exec <target> [command...]", "run a command in a container")
    .passThroughOptions()
    .option("-c, --container <name>", "in this container of the pod")
    .option("-i, --interactive", "pass input on")
    .option("--stdin", "the same")
    .option("-t, --tty", "with a terminal")
    .option("-d, --detach", "leave it running, without input and output")
    .option("--detach-keys <keys>", "keys that leave it running", "ctrl-p,ctrl-q");
  processOptions(verb).action(async (target: string, words: string[]) => {
    const { containerNamed, splitCommand } = await import("#main/command-line/two-forms.ts");
    const { options, command } = splitCommand(words);
    const { operands, unknown } = verb.parseOptions([...options]);
    const [first = ""] = [...operands, ...unknown];
    if (first !== "") throw new Error(`exec: '${first}' before '--' is no option of exec`);
    if (command.length === 0) throw new Error("exec needs a command: gantry exec NAME COMMAND");
    const { parseDetachKeys } = await import("#cli/detach-keys.ts");
    const flags: ExecFlags & { detachKeys: string } = verb.opts();
    const own = {
      ...flags,
      stdin: flags.interactive ?? flags.stdin,
      env: await variablesOf(flags),
      detachKeys: parseDetachKeys(flags.detachKeys),
    };
    await inSession(flags, async (session) => {
      const container = await containerNamed(session, target, flags);
      if (container === undefined) {
        process.exitCode = await execInPod(session, target, command, own);
        return;
      }
      const { execInContainer } = await import("#containers/run/exec.ts");
      const { pod, session: inOwn } = container;
      process.exitCode = await execInContainer(inOwn, pod, command, own);
    });
  });
}

/** What a command has of its own: of `exec` and `compose exec`. */
export function processOptions(command: Command): Command {
  return command
    .option("-e, --env <name=value>", "variable", collect, [])
    .option("--env-file <path>", "file of variables", collect, [])
    .option("-w, --workdir <path>", "where the command begins")
    .option("-u, --user <name[:group]>", "as this user, a name of the image or a number")
    .option("--privileged", "with every capability");
}

/** `NAME=value` of the files and flags; a name alone has the value of our own environment. */
export async function variablesOf(flags: {
  readonly env: readonly string[];
  readonly envFile?: readonly string[];
}): Promise<readonly string[]> {
  const { readFile } = await import("node:fs/promises");
  const { environmentOf } = await import("#containers/flags/environment.ts");
  const files = [];
  for (const path of flags.envFile ?? []) files.push({ path, text: await readFile(path, "utf8") });
  const all = environmentOf(files, flags.env, (name) => process.env[name]);
  return all.map((it) => `${it.name}=${it.value}`);
}

async function execInPod(
  session: Session,
  target: string,
  command: readonly string[],
  flags: ExecOptions & ProcessFlags,
): Promise<number> {
  const { exec } = await import("#cli/exec.ts");
  const { execOnNode, isPlain } = await import("#containers/run/exec.ts");
  if (isPlain(flags)) return await exec(session, target, command, flags);
  const { podOf } = await import("#cli/logs.ts");
  const { pods } = await import("#client/kinds.ts");
  const { cluster, signal } = session;
  const at = { namespace: cluster.namespace, name: await podOf(session, target) };
  return await execOnNode(session, await cluster.client.get(pods, at, signal), command, flags);
}
