import { isJsonObject, type Json } from "#api/object.ts";
import { compareElements, elementText, parseElement, self } from "./element.ts";

/**
 * A set of field paths as `managedFields[].fieldsV1` has it: a tree whose edges are path elements.
 * A node is a member of the set when it has no children or the child `.`:
 *
 *     {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}   is   .metadata.labels, .metadata.labels.app
 *
 * The tree is the set: nothing is decoded to work with it. An empty set is undefined, so that every
 * tree has members. Trees are shared and never change. Upstream: structured-merge-diff `fieldpath`.
 */
export interface Fields {
  readonly [element: string]: Fields;
}

type Draft = Record<string, Fields>;

/** The node of a path that is in the set and has none below it. */
export const leaf: Fields = Object.freeze({});

/** Paths deeper than this come from no type; a client's text could be nested without end. */
const depthMax = 200;

/**
 * Reads a set that a client may have written: in canonical form, without elements that mean
 * nothing. Undefined for the empty set and for what is no tree.
 */
export function parseFields(json: Json | undefined): Fields | undefined {
  if (!isJsonObject(json)) return undefined;
  const node = parseNode(json, 0);
  return node === leaf ? undefined : node;
}

function parseNode(json: Readonly<Record<string, Json | undefined>>, depth: number): Fields {
  const draft: Draft = {};
  for (const key of Object.keys(json)) {
    const child = json[key];
    const element = key === self ? self : parseElement(key);
    if (element === undefined || !isJsonObject(child) || depth > depthMax) continue;
    draft[element] = element === self ? leaf : parseNode(child, depth + 1);
  }
  return finished(sorted(draft)) ?? leaf;
}

function isEmptyNode(node: Fields): boolean {
  for (const element in node) return node[element] === undefined;
  return true;
}

function isMember(node: Fields): boolean {
  return node[self] !== undefined || isEmptyNode(node);
}

/** A node of children and perhaps itself; undefined when it has no members. */
function finished(draft: Draft): Fields | undefined {
  let count = 0;
  for (const element in draft) {
    if (element !== self) return draft;
    count++;
  }
  return count === 0 ? undefined : leaf;
}

/** The draft with its elements in wire order; the same object when they are already. */
export function sorted(draft: Draft): Draft {
  let previous: string | undefined;
  for (const element in draft) {
    if (previous !== undefined && compareElements(previous, element) > 0) return reordered(draft);
    previous = element;
  }
  return draft;
}

function reordered(draft: Draft): Draft {
  const result: Draft = {};
  for (const element of Object.keys(draft).sort(compareElements)) {
    const child = draft[element];
    if (child !== undefined) result[element] = child;
  }
  return result;
}

/** Paths in either set. */
export function union(left: Fields | undefined, right: Fields | undefined): Fields | undefined {
  if (left === undefined || left === right) return right;
  return right === undefined ? left : uniteNodes(left, right);
}

function uniteNodes(left: Fields, right: Fields): Fields {
  const draft: Draft = isMember(left) || isMember(right) ? { [self]: leaf } : {};
  let isSame = isMember(left) === (draft[self] !== undefined);
  for (const element in left) {
    const [child, other] = [left[element], right[element]];
    if (element === self || child === undefined) continue;
    const united = other === undefined ? child : uniteNodes(child, other);
    if (united !== child) isSame = false;
    draft[element] = united;
  }
  const isAppended = appendMissing(draft, right);
  if (isSame && !isAppended) return left;
  return finished(isAppended ? sorted(draft) : draft) ?? leaf;
}

/** Adds the children that the draft does not have; says whether there were any. */
function appendMissing(draft: Draft, node: Fields): boolean {
  let isAppended = false;
  for (const element in node) {
    const child = node[element];
    if (element === self || child === undefined || draft[element] !== undefined) continue;
    draft[element] = child;
    isAppended = true;
  }
  return isAppended;
}

/** Paths of `set` that are not in `removed`; the same object when there are none to remove. */
export function difference(
  set: Fields | undefined,
  removed: Fields | undefined,
): Fields | undefined {
  return set === undefined || removed === undefined ? set : subtract(set, removed, false);
}

/** As {@link difference}, but a path that is removed takes all paths below it along. */
export function recursiveDifference(
  set: Fields | undefined,
  removed: Fields | undefined,
): Fields | undefined {
  return set === undefined || removed === undefined ? set : subtract(set, removed, true);
}

function subtract(node: Fields, removed: Fields, isRecursive: boolean): Fields | undefined {
  const isRemoved = isMember(removed);
  if (isRemoved && isRecursive) return undefined;
  if (!(isRemoved && isMember(node)) && !meets(node, removed)) return node;
  const draft: Draft = {};
  let isSame = true;
  for (const element in node) {
    const child = node[element];
    if (child === undefined || element === self) continue;
    const other = removed[element];
    const rest = other === undefined ? child : subtract(child, other, isRecursive);
    if (rest !== child) isSame = false;
    if (rest !== undefined) draft[element] = rest;
  }
  const keepsSelf = isMember(node) && !isRemoved;
  if (isSame && keepsSelf === isMember(node)) return node;
  return withSelf(draft, keepsSelf);
}

function withSelf(draft: Draft, keepsSelf: boolean): Fields | undefined {
  if (!keepsSelf) return finished(draft);
  return finished({ [self]: leaf, ...draft });
}

/** Whether the nodes have a child in common: what is removed is small, the set often large. */
function meets(node: Fields, removed: Fields): boolean {
  for (const element in removed) {
    if (element !== self && node[element] !== undefined) return true;
  }
  return false;
}

/** Paths in both sets. */
export function intersection(
  left: Fields | undefined,
  right: Fields | undefined,
): Fields | undefined {
  if (left === undefined || right === undefined) return undefined;
  const draft: Draft = {};
  for (const element in left) {
    const [child, other] = [left[element], right[element]];
    if (element === self || child === undefined || other === undefined) continue;
    const both = intersection(child, other);
    if (both !== undefined) draft[element] = both;
  }
  return withSelf(draft, isMember(left) && isMember(right));
}

/** Members that have no members below them. */
export function leaves(set: Fields | undefined): Fields | undefined {
  if (set === undefined || isEmptyNode(set)) return set;
  const draft: Draft = {};
  for (const element in set) {
    const child = set[element];
    const below = element === self ? undefined : leaves(child);
    if (below !== undefined) draft[element] = below;
  }
  return finished(draft);
}

/** Whether the path of these elements is in the set. */
export function hasPath(set: Fields | undefined, path: readonly string[]): boolean {
  let node = set;
  for (const element of path) node = node?.[element];
  return path.length > 0 && node !== undefined && isMember(node);
}

/** Whether the node below `element` is itself a member. */
export function hasMember(set: Fields, element: string): boolean {
  const child = set[element];
  return child !== undefined && isMember(child);
}

/** The node with itself added. */
export function withMember(node: Fields | undefined): Fields {
  if (node === undefined) return leaf;
  return isMember(node) ? node : { [self]: leaf, ...node };
}

/** All members as text, `.spec.containers[name="web"].image`, in upstream's order. */
export function pathTexts(set: Fields | undefined): string[] {
  const texts: string[] = [];
  if (set !== undefined) collectTexts(set, "", texts);
  return texts;
}

function collectTexts(node: Fields, prefix: string, texts: string[]): void {
  const elements = Object.keys(node).filter((it) => it !== self);
  for (const element of elements) {
    if (hasMember(node, element)) texts.push(prefix + elementText(element));
  }
  for (const element of elements) {
    collectTexts(node[element] ?? leaf, prefix + elementText(element), texts);
  }
}
