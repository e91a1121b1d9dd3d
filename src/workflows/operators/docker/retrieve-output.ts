import { extract } from "tar-stream";
import type { Json } from "#api/object.ts";
import { requiredText, type OperatorCall } from "#workflows/operators/operator.ts";
import type { DockerEngine } from "./engine.ts";

/**
 * The file of a container that `retrieveOutputPath` names: JSON, or else text. Airflow reads pickled
 * objects of Python there. @throws {Error} when there is no such file, or it is too large.
 */
export async function retrieveOutput(
  call: OperatorCall,
  engine: DockerEngine,
  id: string,
): Promise<Json> {
  const path = requiredText(call, "retrieveOutputPath");
  const query = `path=${encodeURIComponent(path)}`;
  const request = { method: "GET", path: `/containers/${id}/archive?${query}` } as const;
  const entries = extract();
  entries.end(await engine.bytes(request, call.context.signal));
  let found: Buffer | undefined;
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    if (entry.header.type === "file") found ??= Buffer.concat(chunks);
  }
  if (found === undefined) throw new Error(`${path} in the container is not a file`);
  return parsed(found.toString("utf8"));
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
