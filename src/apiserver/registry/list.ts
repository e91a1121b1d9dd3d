import { Buffer } from "node:buffer";
import { lowerBound } from "#apiserver/cache/leaf-index.ts";
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
  /** Whole leaves, when nothing was selected or cut off. */
  readonly leaves: Leaves | undefined;
  readonly objects: readonly CachedObject[];
}

/** The response of a list. @throws {StatusError} for options that do not go together, 410, 504. */
export async function listBody(ports: RegistryPorts, request: ListRequest): Promise<ResponseBody> {
  const page = await findPage(ports, request);
  const { list } = request.representation;
  if (list.kind === "whole") {
    return { kind: "bytes", bytes: list.body(page.meta, objectsOf(page)) };
  }
  const head = list.head(page.meta);
  const isRaw = list.raw && page.leaves !== undefined;
  const size = sizeOf(page);
  const pieces = isRaw ? pagesOf(page.leaves) : piecesOf(objectsOf(page), list);
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
    return { meta: { resourceVersion: revision }, leaves: undefined, objects: indexed };
  }
  const leaves = leavesFrom(state.leaves, filter.namespace, from);
  if (filter.all && from === "" && (options.limit === 0 || countOf(leaves) <= options.limit)) {
    return { meta: { resourceVersion: revision }, leaves, objects: [] };
  }
  const found = await scan(leaves, { filter, from, limit: options.limit });
  if (!found.more) {
    return { meta: { resourceVersion: revision }, leaves: undefined, objects: found.objects };
  }
  cache.keep(state);
  const start = `${found.objects.at(-1)?.key ?? ""}\0`;
  return {
    meta: {
      resourceVersion: revision,
      continue: encodeContinue({ revision: state.revision, start }),
      remainingItemCount: filter.all ? countFrom(leaves, start) : undefined,
    },
    leaves: undefined,
    objects: found.objects,
  };
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
): Promise<{ readonly objects: CachedObject[]; readonly more: boolean }> {
  const objects: CachedObject[] = [];
  const max = want.limit === 0 ? Infinity : want.limit;
  let scanned = 0;
  for (const leaf of leaves) {
    if (scanned > scannedPerTurn) {
      scanned = 0;
      await nextTurn();
    }
    scanned += leaf.objects.length;
    for (const object of leaf.objects) {
      if (object.key < want.from || !want.filter.matches(object)) continue;
      if (objects.length === max) return { objects, more: true };
      objects.push(object);
    }
  }
  return { objects, more: false };
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

function sizeOf(page: Page): number {
  let size = 0;
  for (const object of page.objects) size += object.length;
  for (const leaf of page.leaves ?? []) {
    for (const object of leaf.objects) size += object.length;
  }
  return size;
}

function objectsOf(page: Page): readonly CachedObject[] {
  return page.leaves === undefined ? page.objects : page.leaves.flatMap((it) => it.objects);
}

/** The leaves' pages; the first without its comma. */
function* pagesOf(leaves: Leaves): Generator<Buffer> {
  let isFirst = true;
  for (const leaf of leaves) {
    yield isFirst ? leaf.page().subarray(1) : leaf.page();
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
