import { Buffer } from "node:buffer";
import { lowerBound } from "#apiserver/cache/leaf-index.ts";
import type { Leaf } from "#apiserver/cache/leaf.ts";
import type { Leaves } from "#apiserver/cache/leaf-index.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import type { ObjectFilter } from "#apiserver/cache/object-filter.ts";
import type { Asker } from "#apiserver/cache/registry-cache.ts";
import type { ResourceCache } from "#apiserver/cache/resource-cache.ts";
import { drained, nextTurn, type ByteSink, type ResponseBody } from "#apiserver/http/exchange.ts";
import type { ListMeta, Representation } from "#apiserver/negotiate/representation.ts";
import { encodeContinue } from "./continue-token.ts";
import type { RegistryPorts } from "./kind.ts";
import { checkListOptions, type ListOptions } from "./list-options.ts";
import { findListStart } from "./read-state.ts";

/** Bytes written before others get their turn. */
const chunkBytes = 256 * 1024;
/** Lists no longer than this go out in one piece. */
const smallListBytes = 64 * 1024;
/** Objects that selectors look at before others get their turn. */
const scannedPerTurn = 50_000;

const comma = Buffer.from(",");
const openBrace = Buffer.from("{");
const nextObject = Buffer.from(",{");

export interface ListRequest {
  readonly cache: ResourceCache;
  readonly options: ListOptions;
  readonly filter: ObjectFilter;
  readonly representation: Representation;
  readonly asker: Asker;
}

/** What a list found, and where a next page begins. */
interface Page {
  readonly meta: ListMeta;
  /** Runs of neighbours, when nothing was selected: their pages serve as they are. */
  readonly runs: readonly Run[] | undefined;
  readonly objects: readonly CachedObject[];
}

/** Objects `from` up to but not including `to` of a leaf. */
interface Run {
  readonly leaf: Leaf;
  readonly from: number;
  readonly to: number;
}

/** The response of a list. @throws {StatusError} for options that do not go together, 410, 504. */
export async function listBody(ports: RegistryPorts, request: ListRequest): Promise<ResponseBody> {
  const page = await findPage(ports, request);
  const { list } = request.representation;
  if (list.kind === "whole") {
    return { kind: "bytes", bytes: list.body(page.meta, objectsOf(page)) };
  }
  const head = list.head(page.meta);
  const size = sizeOf(page);
  const { runs } = page;
  const pieces = list.raw && runs !== undefined ? pagesOf(runs) : piecesOf(objectsOf(page), list);
  if (size <= smallListBytes) {
    return { kind: "bytes", bytes: Buffer.concat([head, ...pieces, list.end]) };
  }
  return {
    kind: "stream",
    live: false,
    sizeBytes: size,
    run: (sink, signal) => writePieces(sink, { head, pieces, end: list.end }, signal),
  };
}

/** The objects of a list, all of them: for deletecollection. */
export async function listObjects(
  ports: RegistryPorts,
  request: Omit<ListRequest, "representation">,
): Promise<readonly CachedObject[]> {
  return objectsOf(await findPage(ports, request));
}

async function findPage(
  ports: RegistryPorts,
  { cache, options, filter, asker }: Omit<ListRequest, "representation">,
): Promise<Page> {
  checkListOptions(options, false);
  const { state, from } = await findListStart(ports, cache, options, asker);
  const isLatest = state.revision === ports.cache.revision;
  const indexed = isLatest && from === "" ? fromIndex(cache, filter) : undefined;
  const revision = String(state.revision);
  if (indexed !== undefined && (options.limit === 0 || indexed.length <= options.limit)) {
    return { meta: { resourceVersion: revision }, runs: undefined, objects: indexed };
  }
  const leaves = leavesFrom(state.leaves, filter.namespace, from);
  const limit = options.limit === 0 ? Infinity : options.limit;
  const found = filter.all
    ? runsOf(leaves, from, limit)
    : { ...(await scan(leaves, { filter, from, limit })), runs: undefined };
  if (found.last === undefined) {
    return { meta: { resourceVersion: revision }, runs: found.runs, objects: found.objects };
  }
  cache.keep(state);
  const start = `${found.last.key}\0`;
  const rest = filter.all ? { remainingItemCount: countFrom(leaves, start) } : {};
  const token = encodeContinue({ revision: state.revision, start });
  return {
    meta: { resourceVersion: revision, continue: token, ...rest },
    runs: found.runs,
    objects: found.objects,
  };
}

interface Found {
  readonly runs: readonly Run[] | undefined;
  readonly objects: readonly CachedObject[];
  /** The last object of the page, when there are more behind it. */
  readonly last: CachedObject | undefined;
}

/** The first `limit` objects at `from` and behind, without looking at each. */
function runsOf(leaves: Leaves, from: string, limit: number): Found {
  const runs: Run[] = [];
  let left = limit;
  for (const leaf of leaves) {
    const start = from === "" ? 0 : lowerBound(leaf.objects, from);
    const end = Math.min(leaf.objects.length, start + left);
    if (left === 0 && start < leaf.objects.length) {
      const run = runs.at(-1);
      return { runs, objects: [], last: run?.leaf.objects[run.to - 1] };
    }
    if (end > start) runs.push({ leaf, from: start, to: end });
    left -= end - start;
    if (left === 0 && end < leaf.objects.length) {
      return { runs, objects: [], last: leaf.objects[end - 1] };
    }
  }
  return { runs, objects: [], last: undefined };
}

/** Objects that an index finds, still filtered; undefined where there is none. */
function fromIndex(cache: ResourceCache, filter: ObjectFilter): CachedObject[] | undefined {
  const { name, namespace, nodeName } = filter;
  if (name !== undefined && namespace !== undefined) {
    const object = cache.get(namespace === "" ? name : `${namespace}/${name}`);
    return object !== undefined && filter.matches(object) ? [object] : [];
  }
  if (nodeName === undefined) return undefined;
  return cache.onNode(nodeName)?.filter((it) => filter.matches(it));
}

/** The leaves of a namespace that hold `from` or what follows it. */
function leavesFrom(leaves: Leaves, namespace: string | undefined, from: string): Leaves {
  if ((namespace === undefined || namespace === "") && from === "") return leaves;
  let start = leaves;
  if (namespace !== undefined && namespace !== "") {
    const first = firstLeaf(leaves, `${namespace}/`);
    let end = first;
    while (leaves[end]?.namespace === namespace) end++;
    start = leaves.slice(first, end);
  }
  if (from === "") return start;
  return start.slice(Math.max(0, firstLeaf(start, from) - 1));
}

/** Index of the first leaf that begins at `key` or behind. */
function firstLeaf(leaves: Leaves, key: string): number {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaves[middle]?.firstKey ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function scan(
  leaves: Leaves,
  want: { readonly filter: ObjectFilter; readonly from: string; readonly limit: number },
): Promise<Omit<Found, "runs">> {
  const { filter, from, limit } = want;
  const objects: CachedObject[] = [];
  let scanned = 0;
  for (const leaf of leaves) {
    if (scanned > scannedPerTurn) {
      scanned = 0;
      await nextTurn();
    }
    scanned += leaf.objects.length;
    for (const object of leaf.objects) {
      if ((from !== "" && object.key < from) || !filter.matches(object)) continue;
      if (objects.length === limit) return { objects, last: objects.at(-1) };
      objects.push(object);
    }
  }
  return { objects, last: undefined };
}

function countOf(leaves: Leaves): number {
  let count = 0;
  for (const leaf of leaves) count += leaf.objects.length;
  return count;
}

function countFrom(leaves: Leaves, from: string): number {
  const first = Math.max(0, firstLeaf(leaves, from) - 1);
  const head = leaves[first];
  if (head === undefined) return 0;
  return countOf(leaves.slice(first)) - lowerBound(head.objects, from);
}

function sizeOf({ runs, objects }: Page): number {
  let size = 0;
  for (const object of objects) size += object.length;
  for (const { leaf, from, to } of runs ?? []) {
    for (let i = from; i < to; i++) size += leaf.objects[i]?.length ?? 0;
  }
  return size;
}

function objectsOf({ runs, objects }: Page): readonly CachedObject[] {
  return runs?.flatMap(({ leaf, from, to }) => leaf.objects.slice(from, to)) ?? objects;
}

/** The bytes of runs; the first without its comma. */
function* pagesOf(runs: readonly Run[]): Generator<Buffer> {
  let isFirst = true;
  for (const { leaf, from, to } of runs) {
    const bytes = leaf.pagePart(from, to);
    yield isFirst ? bytes.subarray(1) : bytes;
    isFirst = false;
  }
}

function* piecesOf(
  objects: readonly CachedObject[],
  list: { readonly raw: boolean; item(object: CachedObject): Uint8Array },
): Generator<Uint8Array> {
  let isFirst = true;
  for (const object of objects) {
    if (list.raw) {
      yield isFirst ? openBrace : nextObject;
      yield object.tail();
    } else {
      if (!isFirst) yield comma;
      yield list.item(object);
    }
    isFirst = false;
  }
}

/** Writes pieces in chunks, and lets others have their turn after each. */
async function writePieces(
  sink: ByteSink,
  it: {
    readonly head: Uint8Array;
    readonly pieces: Iterable<Uint8Array>;
    readonly end: Uint8Array;
  },
  signal: AbortSignal,
): Promise<void> {
  let waiting: Uint8Array[] = [it.head];
  let size = it.head.length;
  for (const piece of it.pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < chunkBytes) continue;
    await writeChunk(sink, waiting, signal);
    waiting = [];
    size = 0;
  }
  waiting.push(it.end);
  await writeChunk(sink, waiting, signal);
}

async function writeChunk(
  sink: ByteSink,
  pieces: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  let taken = true;
  // A leaf page is long enough to go as it is; small pieces are joined.
  const isLong = pieces.length <= 4;
  if (isLong) for (const piece of pieces) taken = sink.write(piece);
  else taken = sink.write(Buffer.concat(pieces));
  if (!taken) await drained(sink, signal);
  await nextTurn();
}
