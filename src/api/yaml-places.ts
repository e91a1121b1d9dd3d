/** Where something stands in a text, from 1. */
export interface YamlPlace {
  readonly line: number;
  readonly column: number;
}

interface Offsets {
  readonly key: number;
  readonly value: number;
}

/** Where the parts of YAML values stand in their text, by the object or list that they are in. */
export class YamlPlaces {
  readonly #text: string;
  readonly #offsets = new WeakMap<object, Map<string, Offsets>>();

  constructor(text: string) {
    this.#text = text;
  }

  /** @param key of an object, or the index in a list. */
  remember(container: object, key: string, keyOffset: number, valueOffset = keyOffset): void {
    this.#of(container).set(key, { key: keyOffset, value: valueOffset });
  }

  /** What is copied by an alias stands where it was written. */
  copyAll(to: object, from: object): void {
    const offsets = this.#offsets.get(from);
    if (offsets !== undefined) this.#offsets.set(to, new Map(offsets));
  }

  copyKey(to: object, key: string, from: object): void {
    const offsets = this.#offsets.get(from)?.get(key);
    if (offsets !== undefined) this.#of(to).set(key, offsets);
  }

  /** Undefined for what the text does not have. */
  keyPlace(container: object, key: string | number): YamlPlace | undefined {
    return this.#place(this.#offsets.get(container)?.get(String(key))?.key);
  }

  valuePlace(container: object, key: string | number): YamlPlace | undefined {
    return this.#place(this.#offsets.get(container)?.get(String(key))?.value);
  }

  #of(container: object): Map<string, Offsets> {
    let offsets = this.#offsets.get(container);
    if (offsets === undefined) {
      offsets = new Map();
      this.#offsets.set(container, offsets);
    }
    return offsets;
  }

  #place(offset: number | undefined): YamlPlace | undefined {
    if (offset === undefined) return undefined;
    const before = this.#text.slice(0, Math.max(0, offset));
    return {
      line: before.split("\n").length,
      column: before.length - before.lastIndexOf("\n"),
    };
  }
}
