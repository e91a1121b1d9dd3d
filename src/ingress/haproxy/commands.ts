import { connect } from "node:net";
import type { SlotChange } from "./slots.ts";

/** Commands of one connection; the proxy reads a line of limited length. */
const batchMax = 100;
const answerMsMax = 5_000;
const answerBytesMax = 1024 * 1024;
/** What the proxy says when it did as it was told. */
const good = /^(?:(?:IP|port) changed from |no need to change )/;

/** The answer of a proxy to a line of commands. @throws {Error} when there is none in time. */
export function ask(socket: string, line: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect({ path: socket, signal });
    let answer = "";
    connection.setEncoding("utf8");
    connection.setTimeout(answerMsMax, () => {
      connection.destroy(new Error(`the proxy does not answer on ${socket}`));
    });
    connection.on("connect", () => {
      connection.write(`${line}\n`);
    });
    connection.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.length > answerBytesMax) connection.destroy(new Error("the answer has no end"));
    });
    connection.on("error", reject);
    connection.on("end", () => {
      resolve(answer);
    });
  });
}

/** Changes endpoints of a running proxy; connections that are open stay where they are. */
export async function changeSlots(
  socket: string,
  changes: readonly SlotChange[],
  signal: AbortSignal,
): Promise<void> {
  const commands = changes.flatMap(commandsOf);
  for (let at = 0; at < commands.length; at += batchMax) {
    const answer = await ask(socket, commands.slice(at, at + batchMax).join(";"), signal);
    const bad = answer.split("\n").find((it) => it !== "" && !good.test(it));
    if (bad !== undefined) throw new Error(`the proxy refuses an endpoint: ${bad}`);
  }
}

function commandsOf({ backend, slot, endpoint }: SlotChange): string[] {
  const server = `${backend}/s${slot}`;
  if (endpoint === undefined) return [`set server ${server} state maint`];
  const colon = endpoint.lastIndexOf(":");
  const [address, port] = [endpoint.slice(0, colon), endpoint.slice(colon + 1)];
  return [`set server ${server} addr ${address} port ${port}`, `set server ${server} state ready`];
}
