import type { Probe } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { RuntimeError, type Runtime } from "#cri/runtime.ts";
import { probeGrpc } from "./grpc.ts";
import { probeHttp } from "./http.ts";
import { probeTcp } from "./tcp.ts";
import type { Outcome, ProbeTarget } from "./target.ts";

/** Bytes of a command's output that are kept for the event (upstream: 10 KiB). */
const outputBytesMax = 10 * 1024;

export interface AskOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
}

export interface Question {
  readonly probe: Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">;
  readonly target: ProbeTarget;
  readonly timeoutMs: number;
}

/** Asks a container once, as the probe says, for at most its time. Rejects only on abort. */
export async function askOnce(
  options: AskOptions,
  { probe, target, timeoutMs }: Question,
  signal: AbortSignal,
): Promise<Outcome> {
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  const timer = options.clock.sleep(timeoutMs, both).then(
    () => {
      limit.abort(new Error("context deadline exceeded (timeout while awaiting an answer)"));
    },
    () => undefined, // The answer came first.
  );
  try {
    const outcome = await ask(options, probe, target, { timeoutMs, signal: both });
    signal.throwIfAborted();
    return outcome;
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "error", output: describeError(error) };
  } finally {
    limit.abort(new Error("answered"));
    await timer;
  }
}

async function ask(
  options: AskOptions,
  probe: Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">,
  target: ProbeTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  if (probe.exec !== undefined) {
    return await probeExec(options, probe.exec.command ?? [], target, { timeoutMs, signal });
  }
  if (probe.httpGet !== undefined) return await probeHttp(probe.httpGet, target, signal);
  if (probe.tcpSocket !== undefined) return await probeTcp(probe.tcpSocket, target, signal);
  if (probe.grpc !== undefined) return await probeGrpc(probe.grpc, target, signal);
  return { kind: "error", output: `missing probe handler for ${target.container.spec.name}` };
}

async function probeExec(
  { runtime }: AskOptions,
  command: readonly string[],
  { containerId }: ProbeTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  try {
    const result = await runtime.execSync(containerId, command, timeoutMs, signal);
    const text = Buffer.concat([result.stdout, result.stderr]);
    const output = text.toString("utf8", 0, outputBytesMax);
    return { kind: result.exitCode === 0 ? "success" : "failure", output };
  } catch (error) {
    const isTimeout = signal.aborted || (error instanceof RuntimeError && error.kind === "timeout");
    if (!isTimeout) throw error;
    const seconds = timeoutMs / 1000;
    return {
      kind: "failure",
      output: `command timed out: "${command.join(" ")}" timed out after ${seconds}s`,
    };
  }
}
