import { createHmac, timingSafeEqual } from "node:crypto";
import { open } from "node:fs/promises";
import type { Json } from "#api/object.ts";
import { isFinished } from "#dag/model/states.ts";
import { logFileOf } from "#workflows/scheduler/jobs.ts";
import { instanceRow, type InstanceKey } from "#workflows/state/instances.ts";
import { ok } from "#workflows/api/exchange.ts";
import { boolean, text, withDefault } from "#workflows/api/fields.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { badRequest, notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { findInstanceRow, integerInPath } from "./find.ts";
import { instanceKey, instancePath, mapIndexQuery } from "./task-instances.ts";

/** Most bytes of a log in one answer; the continuation token asks for the rest. */
const chunkSizeMax = 1024 * 1024;
const newline = 0x0a;

interface Chunk {
  readonly lines: readonly string[];
  /** Where the next one begins. */
  readonly end: number;
  /** Nothing more is written, and all was read. */
  readonly isLast: boolean;
}

/** Whole lines of a log from an offset on; an empty file where there is none. */
async function readChunk(
  file: string,
  from: number,
  { isOver, size }: { readonly isOver: boolean; readonly size: number },
): Promise<Chunk> {
  let handle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { lines: [], end: from, isLast: isOver };
  }
  await using opened = handle;
  const { bytesRead, buffer } = await opened.read(Buffer.alloc(size), 0, size, from);
  const isRest = isOver && bytesRead < size;
  const last = buffer.subarray(0, bytesRead).lastIndexOf(newline);
  // A line that is longer than an answer is cut.
  const length = isRest || (last < 0 && bytesRead === size) ? bytesRead : last + 1;
  const content = buffer.subarray(0, length).toString("utf8");
  const lines = content.replace(/\n$/, "").split("\n");
  return { lines: length === 0 ? [] : lines, end: from + length, isLast: isRest };
}

const linePattern = /^\[(\d{4}-[^\]]+)\] (INFO|WARNING|ERROR) - (.*)$/s;

/** A line as `StructuredLogMessage`. */
function message(line: string): Json {
  const [, timestamp, level, event] = linePattern.exec(line) ?? [];
  if (timestamp === undefined || level === undefined) return { event: line };
  return { timestamp, level: level.toLowerCase(), event: event ?? "", logger: "task" };
}

function seal(ports: ApiPorts, key: InstanceKey, value: string): string {
  const signer = createHmac("sha256", ports.vault.derivedKey("continuation of logs"));
  return signer.update(JSON.stringify([key, value])).digest("base64url");
}

function continuation(ports: ApiPorts, key: InstanceKey, offset: number): string {
  return `${offset}.${seal(ports, key, String(offset))}`;
}

/** @throws {ApiProblem} 400 for one that this server did not give. */
function offsetOf(ports: ApiPorts, key: InstanceKey, token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  const [offset = "", signature = ""] = token.split(".");
  const wanted = Buffer.from(seal(ports, key, offset));
  const given = Buffer.from(signature);
  if (wanted.length === given.length && timingSafeEqual(wanted, given)) return Number(offset);
  throw badRequest("Bad Signature. Please use only the tokens provided by the API.");
}

async function* ndjson(
  file: string,
  from: number,
  state: { readonly isOver: boolean },
): AsyncGenerator<string> {
  let at = from;
  for (;;) {
    const chunk = await readChunk(file, at, { ...state, size: chunkSizeMax });
    at = chunk.end;
    if (chunk.lines.length > 0) {
      yield chunk.lines.map((it) => `${JSON.stringify(message(it))}\n`).join("");
    }
    if (chunk.isLast || chunk.lines.length === 0) return;
  }
}

/** Logs of tries. */
export const logRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: `${instancePath}/externalLogUrl/{try_number}`,
    subject: "dag",
    query: mapIndexQuery,
    // Logs are kept here and nowhere else.
    handle: async () => {
      throw badRequest("Task log handler does not support external logs.");
    },
  }),
  route({
    method: "GET",
    path: `${instancePath}/logs/{try_number}`,
    subject: "dag",
    query: { ...mapIndexQuery, full_content: withDefault(boolean(), false), token: text() },
    handle: async (call) => {
      const { database, logsFolder } = call.ports;
      const key = instanceKey(call, call.query.map_index);
      const row = await findInstanceRow(database, key);
      const instance = row && instanceRow(row);
      const tryNumber = integerInPath(call, "try_number");
      if (instance === undefined || !(tryNumber >= 0) || tryNumber > instance.tryNumber) {
        throw notFound("TaskInstance not found");
      }
      const isOver = tryNumber < instance.tryNumber || isFinished(instance.state);
      const file = logFileOf(logsFolder, key, tryNumber);
      const from = offsetOf(call.ports, key, call.query.token);
      if (call.request.accept.includes("application/x-ndjson")) {
        const chunks = ndjson(file, from, { isOver });
        return { status: 200, body: { kind: "stream", type: "application/x-ndjson", chunks } };
      }
      const size = call.query.full_content ? 16 * chunkSizeMax : chunkSizeMax;
      const chunk = await readChunk(file, from, { isOver, size });
      return ok({
        content: chunk.lines.map(message),
        continuation_token: chunk.isLast ? null : continuation(call.ports, key, chunk.end),
      });
    },
  }),
];
