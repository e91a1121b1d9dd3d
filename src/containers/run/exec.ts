import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { exec, type ExecOptions } from "#cli/exec.ts";
import { nameOf, podName } from "#containers/find.ts";
import { containerStateOf, startCode } from "#containers/state.ts";
import { UsageError } from "#containers/usage-error.ts";

export interface ContainerExecOptions extends ExecOptions {
  readonly env: readonly string[];
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
}

/** `gantry exec` of a container; resolves with the exit code. @throws {Error} when it does not run. */
export async function execInContainer(
  session: Session,
  pod: Pod,
  command: readonly string[],
  options: ContainerExecOptions,
): Promise<number> {
  if (options.user !== undefined) {
    throw new UsageError(
      "exec --user: commands run as the container's user; start one of another user with run --user",
    );
  }
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`container ${nameOf(pod)} is not running`);
  }
  try {
    return await exec(session, podName(pod), wrapped(command, options), options);
  } catch (error) {
    const message = (error as Error).message;
    if (!/exec failed|unable to start container process/.test(message)) throw error;
    session.io.err(`gantry: ${message}\n`);
    return startCode(message);
  }
}

/** The API knows no variables and no directory: programs of the container set them. */
export function wrapped(
  command: readonly string[],
  { env, workdir }: Pick<ContainerExecOptions, "env" | "workdir">,
): readonly string[] {
  const placed =
    workdir === undefined ? command : ["sh", "-c", 'cd "$0" && exec "$@"', workdir, ...command];
  return env.length === 0 ? placed : ["env", ...env, ...placed];
}
