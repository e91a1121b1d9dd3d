import type { Fragment } from "./fragment.ts";

/** What has to be done to the table. */
export type TableChange = FullTable | PartialTable;

/** The whole table anew. */
export interface FullTable {
  readonly kind: "full";
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, string>;
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** The difference to what the table holds. */
export interface PartialTable {
  readonly kind: "partial";
  readonly addSets: ReadonlyMap<string, string>;
  readonly deleteSets: readonly string[];
  /** Chains that get these rules instead of what they have, if they exist. */
  readonly putChains: ReadonlyMap<string, readonly string[]>;
  /** Of `putChains` and `deleteChains`, those that exist. */
  readonly flushChains: readonly string[];
  readonly deleteChains: readonly string[];
  readonly deleteElements: ReadonlyMap<string, readonly string[]>;
  readonly addElements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** For each owner what it asks for. */
type Claims = Map<string, string>;

/**
 * Keeps what the owners want of a table and what the table holds, and tells the difference. It
 * looks at what was touched since the last time only, so that a change costs what it changes.
 */
export class Ledger {
  readonly #fragments = new Map<string, Fragment>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #sets = new Map<string, string>();
  readonly #claims = new Map<string, Map<string, Claims>>();
  readonly #touchedChains = new Set<string>();
  readonly #touchedSets = new Set<string>();
  readonly #touchedElements = new Map<string, Set<string>>();
  /** What the table holds; undefined while that is not known. */
  #applied: Applied | undefined;

  /** Replaces what `owner` wants; undefined: nothing. */
  put(owner: string, fragment: Fragment | undefined): void {
    const before = this.#fragments.get(owner);
    if (fragment === undefined) this.#fragments.delete(owner);
    else this.#fragments.set(owner, fragment);
    replace(this.#chains, before?.chains, fragment?.chains, this.#touchedChains);
    replace(this.#sets, before?.sets, fragment?.sets, this.#touchedSets);
    for (const [set, key] of keysOf(before)) this.#claimsOf(set, key).delete(owner);
    for (const [set, key, value] of keysOf(fragment)) this.#claimsOf(set, key).set(owner, value);
    for (const side of [before, fragment]) {
      for (const [set, key] of keysOf(side)) this.#touch(set, key);
    }
  }

  /** The table's content is not known any more: the next change is the whole of it. */
  forget(): void {
    this.#applied = undefined;
  }

  /**
   * What brings the table to what the owners want; undefined: nothing to do. The caller applies it,
   * and calls {@link forget} when that fails.
   */
  take(): TableChange | undefined {
    const applied = this.#applied;
    const change = applied === undefined ? this.#full() : this.#partial(applied);
    this.#touchedChains.clear();
    this.#touchedSets.clear();
    this.#touchedElements.clear();
    return change;
  }

  #full(): FullTable {
    const elements = new Map<string, Map<string, string>>();
    for (const [set, keys] of this.#claims) {
      for (const [key, claims] of keys) {
        const value = valueOf(claims);
        if (value === undefined) keys.delete(key);
        else valuesOf(elements, set).set(key, value);
      }
    }
    const copy = new Map([...elements].map(([set, values]) => [set, new Map(values)]));
    this.#applied = {
      chains: new Map(this.#chains),
      sets: new Set(this.#sets.keys()),
      elements: copy,
    };
    return { kind: "full", chains: new Map(this.#chains), sets: new Map(this.#sets), elements };
  }

  #partial(applied: Applied): PartialTable | undefined {
    const addSets = new Map<string, string>();
    const deleteSets: string[] = [];
    for (const name of this.#touchedSets) {
      const wanted = this.#sets.get(name);
      const present = applied.sets.has(name);
      if (wanted !== undefined && !present) addSets.set(name, wanted);
      if (wanted === undefined && present) deleteSets.push(name);
      if (wanted === undefined) applied.sets.delete(name);
      else applied.sets.add(name);
    }
    const chains = this.#chainChange(applied);
    const elements = this.#elementChange(applied);
    const parts = [addSets.size, deleteSets.length, chains.putChains.size];
    parts.push(chains.deleteChains.length, elements.deleteElements.size, elements.addElements.size);
    if (parts.every((it) => it === 0)) return undefined;
    return { kind: "partial", addSets, deleteSets, ...chains, ...elements };
  }

  #chainChange(applied: Applied): Pick<PartialTable, "putChains" | "flushChains" | "deleteChains"> {
    const putChains = new Map<string, readonly string[]>();
    const flushChains: string[] = [];
    const deleteChains: string[] = [];
    for (const name of this.#touchedChains) {
      const wanted = this.#chains.get(name);
      const present = applied.chains.get(name);
      if (wanted === undefined ? present === undefined : sameRules(wanted, present)) continue;
      if (present !== undefined) flushChains.push(name);
      if (wanted === undefined) {
        deleteChains.push(name);
        applied.chains.delete(name);
      } else {
        putChains.set(name, wanted);
        applied.chains.set(name, wanted);
      }
    }
    return { putChains, flushChains, deleteChains };
  }

  #elementChange(applied: Applied): Pick<PartialTable, "deleteElements" | "addElements"> {
    const deleteElements = new Map<string, string[]>();
    const addElements = new Map<string, Map<string, string>>();
    for (const [set, keys] of this.#touchedElements) {
      const present = valuesOf(applied.elements, set);
      for (const key of keys) {
        const claims = this.#claims.get(set)?.get(key);
        const wanted = valueOf(claims);
        const before = present.get(key);
        if (wanted === undefined) this.#claims.get(set)?.delete(key);
        if (wanted === before) continue;
        if (before !== undefined) {
          madeIn(deleteElements, set, (): string[] => []).push(key);
        }
        if (wanted === undefined) present.delete(key);
        else {
          valuesOf(addElements, set).set(key, wanted);
          present.set(key, wanted);
        }
      }
    }
    return { deleteElements, addElements };
  }

  #claimsOf(set: string, key: string): Claims {
    const keys = madeIn(this.#claims, set, () => new Map<string, Claims>());
    return madeIn(keys, key, () => new Map<string, string>());
  }

  #touch(set: string, key: string): void {
    madeIn(this.#touchedElements, set, () => new Set<string>()).add(key);
  }
}

interface Applied {
  readonly chains: Map<string, readonly string[]>;
  readonly sets: Set<string>;
  readonly elements: Map<string, Map<string, string>>;
}

function replace<V>(
  all: Map<string, V>,
  before: ReadonlyMap<string, V> | undefined,
  after: ReadonlyMap<string, V> | undefined,
  touched: Set<string>,
): void {
  for (const name of before?.keys() ?? []) {
    all.delete(name);
    touched.add(name);
  }
  for (const [name, value] of after ?? []) {
    all.set(name, value);
    touched.add(name);
  }
}

function* keysOf(fragment: Fragment | undefined): Generator<[string, string, string]> {
  for (const [set, values] of fragment?.elements ?? []) {
    for (const [key, value] of values) yield [set, key, value];
  }
}

/** Where owners ask for different things, the first by name gets its way: any order, same result. */
function valueOf(claims: Claims | undefined): string | undefined {
  if (claims === undefined || claims.size <= 1) return claims?.values().next().value;
  const [first] = [...claims.keys()].sort();
  return claims.get(first ?? "");
}

/** The value of the key, made when there is none. */
function madeIn<V>(map: Map<string, V>, key: string, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}

function valuesOf(elements: Map<string, Map<string, string>>, set: string): Map<string, string> {
  return madeIn(elements, set, () => new Map<string, string>());
}

function sameRules(left: readonly string[], right: readonly string[] | undefined): boolean {
  if (left.length !== right?.length) return false;
  return left.every((it, index) => it === right[index]);
}
