import type { Client } from "#client/client.ts";
import type { HttpResponse } from "#client/transport.ts";

/** The directories of volumes on the nodes. Every call may be repeated. */
export interface Directories {
  /** Makes the directory if need be; resolves with its path on the node. */
  create(node: string, volume: string, signal: AbortSignal): Promise<string>;
  /** Removes it with all that is in it; success when there is none. */
  remove(node: string, volume: string, signal: AbortSignal): Promise<void>;
  /** Names of the directories that are there. */
  list(node: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Removes the directory if nothing is in it; success otherwise too. */
  removeEmpty(node: string, volume: string, signal: AbortSignal): Promise<void>;
}

const answerBytesMax = 4 * 1024 * 1024;

/** Over the API server's proxy to the nodes' own servers. */
export function directoriesOf(client: Client): Directories {
  async function ask(
    method: "GET" | "PUT" | "DELETE",
    { node, below = "" }: { readonly node: string; readonly below?: string },
    signal: AbortSignal,
  ): Promise<unknown> {
    const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/localVolumes${below}`;
    const text = await readText(await client.raw({ method, path, headers: {} }, signal));
    return text === "" ? undefined : JSON.parse(text);
  }
  const at = (volume: string): string => `/${encodeURIComponent(volume)}`;
  return {
    async create(node, volume, signal) {
      const answer = await ask("PUT", { node, below: at(volume) }, signal);
      if (typeof answer === "object" && answer !== null && "path" in answer) {
        if (typeof answer.path === "string" && answer.path.startsWith("/")) return answer.path;
      }
      throw new Error(`node "${node}" did not say where the volume is`);
    },
    async remove(node, volume, signal) {
      await ask("DELETE", { node, below: at(volume) }, signal);
    },
    async list(node, signal) {
      const answer = await ask("GET", { node }, signal);
      const names =
        typeof answer === "object" && answer !== null && "names" in answer ? answer.names : [];
      return Array.isArray(names) ? names.filter((it) => typeof it === "string") : [];
    },
    async removeEmpty(node, volume, signal) {
      await ask("DELETE", { node, below: `${at(volume)}?empty=true` }, signal);
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
