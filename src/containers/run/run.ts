import type { Pod } from "#api/gen/types.ts";
import { objectPath } from "#api/resource.ts";
import { describeError } from "#base/log.ts";
import type { Session } from "#cli/connection.ts";
import { detached, remoteCommand } from "#cli/remote-command.ts";
import { pods } from "#client/kinds.ts";
import { idOf } from "#containers/find.ts";
import {
  containerStateOf,
  failedCode,
  hasEnded,
  schedulingNote,
  startFault,
  type ContainerState,
} from "#containers/state.ts";
import { awaitContainer, createContainer, type CreateRequest } from "./create.ts";
import type { RunPorts } from "./ports.ts";
import { removePod } from "./remove.ts";
import { signalPod } from "./signal.ts";

export interface RunRequest extends Omit<CreateRequest, "attached" | "held"> {
  readonly detach: boolean;
  readonly detachKeys: readonly number[];
  /** Signals that this program gets are the container's. */
  readonly sigProxy: boolean;
  /** Called with the container's id once it is made. */
  readonly onCreated: (id: string) => Promise<void>;
}

/** `gantry run`: resolves with the exit code. */
export async function runContainer(
  session: Session,
  request: RunRequest,
  ports: RunPorts,
): Promise<number> {
  const attached = !request.detach;
  const interrupt = new AbortController();
  let forward: ((signal: string) => void) | undefined;
  const stopSignals = ports.onSignal((name) => {
    if (forward === undefined) interrupt.abort(new Error(`interrupted by SIG${name}`));
    else forward(name);
  });
  const starting = {
    ...session,
    signal: AbortSignal.any([session.signal, interrupt.signal]),
  };
  try {
    const pod = await createContainer(starting, { ...request, attached, held: false }, ports);
    await request.onCreated(idOf(pod));
    const started = await startOrRemove(starting, session, pod);
    if (started.kind === "failed") {
      session.io.err(`gantry: ${started.message}\n`);
      if (request.options.rm === true) await removePod(session, pod);
      return started.code;
    }
    if (!attached) {
      session.io.out(`${idOf(pod)}\n`);
      return 0;
    }
    forward = (name) => {
      if (!request.sigProxy) return;
      signalPod(session, pod, name).catch((error: unknown) => {
        session.io.err(`gantry: SIG${name} was not passed on: ${describeError(error)}\n`);
      });
    };
    return await attachToEnd(session, pod, {
      stdin: request.options.interactive === true,
      tty: request.options.tty === true,
      remove: request.options.rm === true,
      detachKeys: request.detachKeys,
    });
  } finally {
    stopSignals();
  }
}

/** Waits for the start. A container that cannot start, or is not wanted any more, is removed. */
async function startOrRemove(
  starting: Session,
  session: Session,
  pod: Pod,
): Promise<ContainerState> {
  try {
    return await awaitStart(starting, pod);
  } catch (error) {
    await removePod(session, pod);
    throw error;
  }
}

/**
 * Resolves once the container runs, has run, or has failed to; says on the way why it has no node.
 * @throws {Error} for what will not get better by waiting.
 */
export async function awaitStart(session: Session, pod: Pod): Promise<ContainerState> {
  let state: ContainerState | undefined;
  let said: string | undefined;
  await awaitContainer(session, pod, (now) => {
    if (now === undefined) throw new Error("the container was removed before it started");
    const fault = startFault(now);
    if (fault !== undefined) throw new Error(fault);
    const note = schedulingNote(now);
    if (note !== undefined && note !== said) session.io.err(`waiting for a node: ${note}\n`);
    said = note ?? said;
    state = containerStateOf(now);
    return state.kind !== "created";
  });
  return state ?? { kind: "created", reason: "" };
}

/** Connects the user with the container until it ends; resolves with its exit code. */
export async function attachToEnd(
  session: Session,
  pod: Pod,
  options: {
    readonly stdin: boolean;
    readonly tty: boolean;
    readonly remove: boolean;
    readonly detachKeys: readonly number[];
  },
): Promise<number> {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const path = `${objectPath(pods, namespace, name)}/attach`;
  const result = await remoteCommand(session, path, options);
  if (result === detached) return 0;
  const code = await awaitExit(session, pod);
  if (options.remove) await removePod(session, pod);
  return code;
}

/** The exit code of a container, once it has one. One that is removed meanwhile has failed. */
export async function awaitExit(session: Session, pod: Pod): Promise<number> {
  let code = failedCode;
  await awaitContainer(session, pod, (now) => {
    if (now === undefined) return true;
    const state = containerStateOf(now);
    if (state.kind === "created" || (state.kind === "running" && !hasEnded(now))) return false;
    if (state.kind !== "running") code = state.code;
    return true;
  });
  return code;
}
