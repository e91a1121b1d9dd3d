import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import { execCommand } from "#client/exec.ts";
import { FailError } from "#dag/authoring/context.ts";
import type { Connection } from "#client/kubeconfig.ts";
import { xcomSidecar } from "#workflows/kubernetes/operator-pod.ts";
import { outputSizeMax } from "#workflows/state/outputs.ts";

const triesMax = 5;
const pauseMs = 2_000;
const empty = "__airflow_xcom_result_empty__";
/** One byte more than may be: so that what is too large is known by it. */
const readScript = `if [ -s ${xcomSidecar.file} ]; then head -c ${outputSizeMax + 1} ${xcomSidecar.file}; else echo ${empty}; fi`;

/**
 * What a container has left in its file; undefined when it left nothing. Lets the sidecar, which kept
 * it, end. @throws {FailError} for what is not JSON, or is too large.
 */
export async function takeXcom(
  connection: Connection,
  at: { readonly namespace: string; readonly name: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<Json | undefined> {
  const place = { ...at, container: xcomSidecar.container };
  for (let tries = 1; ; tries += 1) {
    try {
      const command = { command: ["/bin/sh", "-c", readScript], bytesMax: outputSizeMax + 64 };
      const { code, stdout, stderr } = await execCommand(connection, place, command, signal);
      if (code !== 0) throw new Error(`reading ${xcomSidecar.file} failed: ${stderr.trim()}`);
      return parsed(stdout);
    } catch (error) {
      signal.throwIfAborted();
      if (tries === triesMax || error instanceof FailError) throw error;
      await clock.sleep(pauseMs, signal);
    }
  }
}

function parsed(bytes: Buffer): Json | undefined {
  if (bytes.length > outputSizeMax) {
    throw new FailError(`${xcomSidecar.file} has more than ${outputSizeMax} bytes`);
  }
  const text = bytes.toString("utf8");
  if (text.trim() === empty) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new FailError(`${xcomSidecar.file} is not JSON: ${text.slice(0, 200)}`);
  }
}

/** Has the sidecar end, and with it the pod. */
export async function endSidecar(
  connection: Connection,
  at: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const place = { ...at, container: xcomSidecar.container };
  const command = { command: ["/bin/sh", "-c", "kill -2 1"], bytesMax: 4_096 };
  await execCommand(connection, place, command, signal);
}
