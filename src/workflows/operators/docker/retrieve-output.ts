import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import type { Json } from "#api/object.ts";
import { requiredText, type OperatorCall } from "#workflows/operators/operator.ts";
import { outputSizeMax } from "#workflows/state/outputs.ts";
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
  const archive = await engine.open(request, call.context.signal);
  const entries = extract();
  const whole = pipeline(archive, entries).catch(() => undefined);
  for await (const entry of entries) {
    if (entry.header.type !== "file") break;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > outputSizeMax) throw new Error(`${path} has more than ${outputSizeMax} bytes`);
      chunks.push(chunk);
    }
    archive.destroy();
    await whole;
    return parsed(Buffer.concat(chunks).toString("utf8"));
  }
  archive.destroy();
  await whole;
  throw new Error(`${path} in the container is not a file`);
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
