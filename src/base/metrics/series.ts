import { labelText } from "./exposition.ts";

/** Values for label names, in the same order. */
export type Values<L extends readonly string[]> = { readonly [K in keyof L]: string };

/** Label values may come from clients: what comes after so many series counts under `other`. */
export const seriesMax = 5_000;

/** The series of one metric by their labels' values; never more than {@link seriesMax}. */
export class SeriesMap<S> {
  readonly #names: readonly string[];
  readonly #create: () => S;
  readonly #byKey = new Map<string, { readonly labels: string; readonly series: S }>();

  constructor(names: readonly string[], create: () => S) {
    this.#names = names;
    this.#create = create;
  }

  /** Labels in the text format, without braces. */
  entries(): Iterable<{ readonly labels: string; readonly series: S }> {
    return this.#byKey.values();
  }

  of(values: readonly string[]): S {
    const key = keyOf(values);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.series;
    const isFull = this.#byKey.size >= seriesMax;
    return isFull ? this.#add(this.#names.map(() => "other")) : this.#add(values);
  }

  remove(values: readonly string[]): void {
    this.#byKey.delete(keyOf(values));
  }

  #add(values: readonly string[]): S {
    const key = keyOf(values);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.series;
    const labels = labelText(this.#names.map((name, at) => [name, values[at] ?? ""]));
    const series = this.#create();
    this.#byKey.set(key, { labels, series });
    return series;
  }
}

/** Values with a separator that no text of ours contains. */
function keyOf(values: readonly string[]): string {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : values.join("\u0000");
}
