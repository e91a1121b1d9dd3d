import type { Client } from "#client/client.ts";
import { readLines } from "#client/lines.ts";
import { objectPath } from "#api/resource.ts";
import { pods } from "#client/kinds.ts";

const tailLines = 20;
const tailSizeMax = 4_000;
/** A node that has not answered by then is away. */
const answerMs = 3_000;

/** The last lines of a pod's log, after a line break; "" when there is none to be had. */
export async function podLogTail(
  client: Client,
  at: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<string> {
  try {
    const path = `${objectPath(pods, at.namespace, at.name)}/log?tailLines=${tailLines}`;
    const response = await client.raw({ method: "GET", path, headers: {} }, signal);
    let text = "";
    for await (const lines of readLines(response.body)) {
      for (const line of lines) text += `\n${Buffer.from(line).toString()}`;
    }
    return text.slice(-tailSizeMax);
  } catch {
    signal.throwIfAborted();
    return "";
  }
}

/** Whether the node of a worker's pod is there, and has its container. */
export async function nodeAnswersFor(
  client: Client,
  at: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const path = `${objectPath(pods, at.namespace, at.name)}/log?container=base&limitBytes=1`;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    await client.text({ method: "GET", path, headers: {} }, inTime);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
