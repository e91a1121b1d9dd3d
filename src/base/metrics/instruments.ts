import { valueText } from "./exposition.ts";
import { SeriesMap, type Values } from "./series.ts";

/** What a registry writes out. */
export interface Instrument {
  /** Adds lines of the text format, without `# HELP` and `# TYPE`; waits where values are read. */
  append(name: string, lines: string[]): void | Promise<void>;
}

/** A count that only grows. */
export class CounterSeries {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param amount not negative. */
  add(amount = 1): void {
    this.#count += amount;
  }
}

/** Counts by labels. Look a series up once, and keep it, where it is used often. */
export class Counter<L extends readonly string[]> implements Instrument {
  readonly #series: SeriesMap<CounterSeries>;

  constructor(names: L) {
    this.#series = new SeriesMap(names, () => new CounterSeries());
  }

  of(...values: Values<L>): CounterSeries {
    return this.#series.of(values);
  }

  /** What it told of is gone. */
  remove(...values: Values<L>): void {
    this.#series.remove(values);
  }

  append(name: string, lines: string[]): void {
    for (const { labels, series } of this.#series.entries()) {
      lines.push(`${name}${braced(labels)} ${valueText(series.count)}`);
    }
  }
}

/** A value that goes up and down. */
export class GaugeSeries {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
  }

  add(amount: number): void {
    this.#value += amount;
  }
}

/** Values by labels. */
export class Gauge<L extends readonly string[]> implements Instrument {
  readonly #series: SeriesMap<GaugeSeries>;

  constructor(names: L) {
    this.#series = new SeriesMap(names, () => new GaugeSeries());
  }

  of(...values: Values<L>): GaugeSeries {
    return this.#series.of(values);
  }

  /** What it told of is gone. */
  remove(...values: Values<L>): void {
    this.#series.remove(values);
  }

  append(name: string, lines: string[]): void {
    for (const { labels, series } of this.#series.entries()) {
      lines.push(`${name}${braced(labels)} ${valueText(series.value)}`);
    }
  }
}

/** How many of the observed values were at most each bound. */
export class HistogramSeries {
  readonly #bounds: readonly number[];
  /** One for each bound, and one for what is above them all; not cumulative. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  get counts(): readonly number[] {
    return this.#counts;
  }

  observe(value: number): void {
    let at = 0;
    while (value > (this.#bounds[at] ?? Infinity)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }
}

/** Distributions by labels. */
export class Histogram<L extends readonly string[]> implements Instrument {
  readonly #series: SeriesMap<HistogramSeries>;
  /** `le="0.1"`, the last one `le="+Inf"`. */
  readonly #bounds: readonly string[];

  /** @param bounds upper ones, ascending, without infinity. */
  constructor(names: L, bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity].map((it) => `le="${valueText(it)}"`);
    this.#series = new SeriesMap(names, () => new HistogramSeries(bounds));
  }

  of(...values: Values<L>): HistogramSeries {
    return this.#series.of(values);
  }

  /** What it told of is gone. */
  remove(...values: Values<L>): void {
    this.#series.remove(values);
  }

  append(name: string, lines: string[]): void {
    for (const { labels, series } of this.#series.entries()) {
      const prefix = `${name}_bucket{${labels}${labels === "" ? "" : ","}`;
      let total = 0;
      for (const [at, bound] of this.#bounds.entries()) {
        total += series.counts[at] ?? 0;
        lines.push(`${prefix}${bound}} ${total}`);
      }
      lines.push(`${name}_sum${braced(labels)} ${valueText(series.sum)}`);
      lines.push(`${name}_count${braced(labels)} ${total}`);
    }
  }
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
