import type { Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { nameOf } from "#containers/find.ts";
import { containerStateOf, hasEnded } from "#containers/state.ts";
import { awaitContainer } from "./create.ts";
import { unpauseForEnd } from "./pause.ts";
import { signalPod } from "./signal.ts";

export interface StopOptions {
  /** Seconds until the container is killed; undefined: as it was made. */
  readonly seconds: number | undefined;
}

/**
 * Ends a container and leaves its pod, so that it is still listed, with its exit code and its log. The
 * pod is given a deadline that is over: the node then ends it as it ends any pod, and does not start
 * it again, whatever its restart policy.
 */
export async function stopContainer(
  session: Session,
  pod: Pod,
  options: StopOptions,
  clock: Clock,
): Promise<void> {
  if (hasEnded(pod)) return;
  await unpauseForEnd(session, pod);
  const grace = pod.spec?.terminationGracePeriodSeconds ?? 0;
  const seconds = options.seconds ?? grace;
  const isRunning = containerStateOf(pod).kind === "running";
  if (isRunning && seconds > grace) await endByItself(session, pod, seconds, clock);
  await setDeadline(session, pod);
  const isEnded = (now: Pod | undefined): boolean => now === undefined || hasEnded(now);
  if (isRunning && seconds < grace) {
    const early = await within(session, pod, seconds, clock);
    if (!early) await kill(session, pod);
  }
  await awaitContainer(session, pod, isEnded);
}

/** More time than the pod was made with: the signal comes from us, and the deadline after it. */
async function endByItself(
  session: Session,
  pod: Pod,
  seconds: number,
  clock: Clock,
): Promise<void> {
  const signal = pod.spec?.containers[0]?.lifecycle?.stopSignal ?? "SIGTERM";
  await signalPod(session, pod, signal);
  await within(session, pod, seconds, clock);
}

/** Whether the container's process has ended in so many seconds. */
async function within(session: Session, pod: Pod, seconds: number, clock: Clock): Promise<boolean> {
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const ended = awaitContainer({ ...session, signal }, pod, (now) => {
    return now === undefined || containerStateOf(now).kind !== "running";
  }).then(
    () => true,
    (error: unknown) => {
      if (over.signal.aborted) return false;
      throw error;
    },
  );
  const late = clock.sleep(seconds * 1_000, signal).then(
    () => false,
    () => false,
  );
  const result = await Promise.race([ended, late]);
  over.abort(new Error("enough"));
  await Promise.allSettled([ended, late]);
  return result;
}

async function setDeadline({ cluster, signal }: Session, pod: Pod): Promise<void> {
  const { namespace, name = "" } = pod.metadata ?? {};
  const patch = { type: "merge", body: { spec: { activeDeadlineSeconds: 1 } } } as const;
  await cluster.client.patch(pods, { namespace, name }, patch, signal);
}

/**
 * `gantry kill`: a signal for the first process. One that is to end it ends it for good, as Docker's
 * does, though its restart policy would start it again. @throws {Error} for one that does not run.
 */
export async function killContainer(session: Session, pod: Pod, signal: string): Promise<void> {
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`cannot kill container: ${nameOf(pod)}: container is not running`);
  }
  const isEnd = /^(SIG)?KILL$|^9$/i.test(signal);
  if (isEnd) await unpauseForEnd(session, pod);
  await signalPod(session, pod, signal);
  if (!isEnd) return;
  if (pod.spec?.restartPolicy !== "Never") await setDeadline(session, pod);
  await awaitContainer(session, pod, (now) => now === undefined || hasEnded(now));
}

async function kill(session: Session, pod: Pod): Promise<void> {
  try {
    await signalPod(session, pod, "KILL");
  } catch (error) {
    // It has ended just now.
    if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) throw error;
  }
}
