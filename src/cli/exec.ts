import { objectPath } from "#api/resource.ts";
import { pods } from "#client/kinds.ts";
import type { Session } from "./connection.ts";
import { podOf } from "./logs.ts";
import { detached, remoteCommand } from "./remote-command.ts";

export interface ExecOptions {
  readonly container?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly detachKeys?: readonly number[] | undefined;
}

/** Runs a command in a container; resolves with its exit code, 0 when the user has left it. */
export async function exec(
  session: Session,
  target: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const query = new URLSearchParams(command.map((it): [string, string] => ["command", it]));
  if (options.container !== undefined) query.set("container", options.container);
  const path = objectPath(pods, session.cluster.namespace, await podOf(session, target));
  const result = await remoteCommand(session, `${path}/exec?${query.toString()}`, {
    stdin: options.stdin === true,
    tty: options.tty === true,
    detachKeys: options.detachKeys,
  });
  return result === detached ? 0 : result;
}
