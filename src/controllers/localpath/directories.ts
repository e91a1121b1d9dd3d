import type { Client } from "#client/client.ts";
import type { HttpResponse } from "#client/transport.ts";

/** The directories of volumes on the nodes. Every call may be repeated. */
export interface Directories {
  /** Makes the directory if need be; resolves with its path on the node. */
  create(node: string, volume: string, signal: AbortSignal): Promise<string>;
  /** Removes it with all that is in it; success when there is none. */
  remove(node: string, volume: string, signal: AbortSignal): Promise<void>;
}

const answerBytesMax = 64 * 1024;

/** Over the API server's proxy to the nodes' own servers. */
export function directoriesOf(client: Client): Directories {
  async function ask(
    method: "PUT" | "DELETE",
    [node, volume]: readonly [string, string],
    signal: AbortSignal,
  ): Promise<string> {
    const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/localVolumes/${encodeURIComponent(volume)}`;
    return await readText(await client.raw({ method, path, headers: {} }, signal));
  }
  return {
    async create(node, volume, signal) {
      const answer: unknown = JSON.parse(await ask("PUT", [node, volume], signal));
      if (typeof answer === "object" && answer !== null && "path" in answer) {
        if (typeof answer.path === "string" && answer.path.startsWith("/")) return answer.path;
      }
      throw new Error(`node "${node}" did not say where the volume is`);
    },
    async remove(node, volume, signal) {
      await ask("DELETE", [node, volume], signal);
    },
  };
}

async function readText({ body }: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`answer larger than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
