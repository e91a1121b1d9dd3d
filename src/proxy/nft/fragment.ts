/**
 * A part of a table that one owner is responsible for: chains and sets of its own, and elements in
 * sets that all owners share. The names of chains and sets belong to one owner; elements may be
 * asked for by several.
 */
export interface Fragment {
  /** Rules by name of chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Definition by name of set: what stands between the braces. It never changes for a name. */
  readonly sets: ReadonlyMap<string, string>;
  /** By name of set or map: key and value; "" for a set's. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Collects a {@link Fragment}. */
export class FragmentBuilder implements Fragment {
  readonly chains = new Map<string, readonly string[]>();
  readonly sets = new Map<string, string>();
  readonly elements = new Map<string, Map<string, string>>();

  /** Of two values for a key the first stays. */
  element(set: string, key: string, value = ""): void {
    const present = this.elements.get(set);
    if (present === undefined) this.elements.set(set, new Map([[key, value]]));
    else if (!present.has(key)) present.set(key, value);
  }
}
