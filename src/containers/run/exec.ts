import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { exec, type ExecOptions } from "#cli/exec.ts";
import { detached, remoteCommand } from "#cli/remote-command.ts";
import { nameOf, podName } from "#containers/find.ts";
import { isPaused } from "#containers/labels.ts";
import { containerStateOf, startCode } from "#containers/state.ts";
import { askNode, nodePath } from "./node.ts";

/** What a command has of its own; all else is the container's. */
export interface ProcessFlags {
  /** `user[:group]`, names of the image or numbers. */
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly privileged?: boolean | undefined;
  /** Goes on by itself. */
  readonly detach?: boolean | undefined;
}

export type ContainerExecOptions = ExecOptions & ProcessFlags;

/** `gantry exec` of a container; resolves with the exit code. @throws {Error} when it does not run. */
export async function execInContainer(
  session: Session,
  pod: Pod,
  command: readonly string[],
  options: ContainerExecOptions,
): Promise<number> {
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`container ${nameOf(pod)} is not running`);
  }
  if (isPaused(pod)) {
    throw new Error(`Container ${nameOf(pod)} is paused, unpause the container before exec`);
  }
  try {
    return isPlain(options)
      ? await exec(session, podName(pod), command, options)
      : await execOnNode(session, pod, command, options);
  } catch (error) {
    const message = (error as Error).message;
    if (
      !/exec failed|unable to start container process|unable to find (user|group)/.test(message)
    ) {
      throw error;
    }
    const why = message.replace(/^.*error executing command in container: /, "");
    session.io.err(`gantry: ${why}\n`);
    return startCode(why);
  }
}

/** What `pods/exec` can do by itself: kubectl's users may do it, too. */
export function isPlain({ user, workdir, env, privileged, detach }: ProcessFlags): boolean {
  const isSame = user === undefined && workdir === undefined && env.length === 0;
  return isSame && privileged !== true && detach !== true;
}

/** By the container's node, since the API of Kubernetes has no users, directories and variables. */
export async function execOnNode(
  session: Session,
  pod: Pod,
  command: readonly string[],
  options: ContainerExecOptions,
): Promise<number> {
  const query = new URLSearchParams([
    ...command.map((it): [string, string] => ["command", it]),
    ...options.env.map((it): [string, string] => ["env", it]),
  ]);
  if (options.user !== undefined && options.user !== "") query.set("user", options.user);
  if (options.workdir !== undefined) query.set("workdir", options.workdir);
  if (options.privileged === true) query.set("privileged", "true");
  const request = { route: "inside-exec", query, container: options.container };
  if (options.detach === true) {
    await askNode(session, pod, { ...request, method: "POST" });
    return 0;
  }
  const result = await remoteCommand(session, await nodePath(session, pod, request), {
    stdin: options.stdin === true,
    tty: options.tty === true,
    detachKeys: options.detachKeys,
  });
  return result === detached ? 0 : result;
}
