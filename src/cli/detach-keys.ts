/** Docker's `ctrl-p,ctrl-q`. */
export const defaultDetachKeys: readonly number[] = [0x10, 0x11];

/**
 * `ctrl-p,ctrl-q`, `ctrl-@,a`: the bytes that the keys send; empty for no keys at all.
 * @throws {Error} naming the key that is none.
 */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(",").map((key) => {
    const [, letter] = /^ctrl-([a-z@[\\\]^_])$/.exec(key) ?? [];
    if (letter !== undefined) return letter.toUpperCase().charCodeAt(0) - 64;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new Error(`--detach-keys: '${key}' is no key; expected a letter or ctrl- and a letter`);
  });
}

/** Looks for the keys in what is typed; a part of them is held back until it is clear what it is. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #seen = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on of a chunk, and whether all the keys have been typed. */
  take(chunk: Uint8Array): { readonly bytes: Uint8Array; readonly isComplete: boolean } {
    if (this.#keys.length === 0) return { bytes: chunk, isComplete: false };
    const bytes: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#seen]) {
        this.#seen += 1;
        if (this.#seen === this.#keys.length)
          return { bytes: Buffer.from(bytes), isComplete: true };
        continue;
      }
      bytes.push(...this.#keys.slice(0, this.#seen));
      this.#seen = byte === this.#keys[0] ? 1 : 0;
      if (this.#seen === 0) bytes.push(byte);
    }
    return { bytes: Buffer.from(bytes), isComplete: false };
  }
}
