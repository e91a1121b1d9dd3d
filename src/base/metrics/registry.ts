import { assert } from "#base/assert.ts";
import {
  headLines,
  sampleLine,
  withoutDoubles,
  type MetricType,
  type Sample,
} from "./exposition.ts";
import { Counter, Gauge, Histogram, type Instrument } from "./instruments.ts";

/** What a metric is called, and what it tells. */
export interface MetricHead<L extends readonly string[] = readonly string[]> {
  /** With its unit at the end: `…_seconds`, `…_bytes`; counters end in `_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** Names of labels; none by default. */
  readonly labels?: L;
}

interface Registered {
  readonly head: MetricHead;
  readonly type: MetricType;
  readonly instrument: Instrument;
}

/**
 * The metrics of one process, or of one node of a process that has several. Components make their
 * instruments here; asking again for one that exists gives the same, so that a component may start
 * anew.
 */
export class MetricRegistry {
  readonly #byName = new Map<string, Registered>();

  counter<const L extends readonly string[] = []>(head: MetricHead<L>): Counter<L> {
    return this.#register(head, "counter", () => new Counter<L>(labelsOf(head)), Counter<L>);
  }

  gauge<const L extends readonly string[] = []>(head: MetricHead<L>): Gauge<L> {
    return this.#register(head, "gauge", () => new Gauge<L>(labelsOf(head)), Gauge<L>);
  }

  /** @param head.buckets upper bounds, ascending, without infinity. */
  histogram<const L extends readonly string[] = []>(
    head: MetricHead<L> & { readonly buckets: readonly number[] },
  ): Histogram<L> {
    const create = (): Histogram<L> => new Histogram<L>(labelsOf(head), head.buckets);
    return this.#register(head, "histogram", create, Histogram<L>);
  }

  /**
   * Values that are looked up when somebody reads them. Several sources may add to one name; one
   * that fails adds nothing, and of two that tell of the same labels the newer one counts.
   * @returns takes the source away again.
   */
  computed(
    head: MetricHead & { readonly type: "counter" | "gauge" },
    samples: SampleSource,
  ): () => void {
    const create = (): Computed => new Computed();
    const { sources } = this.#register(head, head.type, create, Computed);
    sources.add(samples);
    return () => {
      sources.delete(samples);
    };
  }

  /** Everything, in Prometheus' text format. Never rejects. */
  async render(): Promise<string> {
    const lines: string[] = [];
    for (const { head, type, instrument } of this.#byName.values()) {
      const before = lines.length;
      lines.push(...headLines({ ...head, type }));
      const first = lines.length;
      await instrument.append(head.name, lines);
      // A name of which nothing is known yet is left out, as Go's client does.
      if (lines.length === first) lines.length = before;
    }
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #register<I extends Instrument>(
    head: MetricHead,
    type: MetricType,
    create: () => I,
    kind: abstract new (...args: never[]) => I,
  ): I {
    const known = this.#byName.get(head.name);
    if (known === undefined) {
      const instrument = create();
      this.#byName.set(head.name, { head, type, instrument });
      return instrument;
    }
    const isSame = known.type === type && labelsOf(known.head).join() === labelsOf(head).join();
    assert(
      isSame && known.instrument instanceof kind,
      `metric ${head.name} has one type and one set of labels`,
    );
    return known.instrument;
  }
}

/** Looks values up. */
export type SampleSource = () => Iterable<Sample> | Promise<Iterable<Sample>>;

class Computed implements Instrument {
  readonly sources = new Set<SampleSource>();

  async append(name: string, lines: string[]): Promise<void> {
    const samples: Sample[] = [];
    for (const source of this.sources) samples.push(...(await valuesOf(source)));
    for (const it of withoutDoubles(samples)) lines.push(sampleLine(name, it));
  }
}

async function valuesOf(source: SampleSource): Promise<Iterable<Sample>> {
  try {
    return await source();
  } catch {
    // What it tells of is gone, or cannot be read now: the rest is worth showing.
    return [];
  }
}

function labelsOf<L extends readonly string[]>(head: MetricHead<L>): L {
  return head.labels ?? ([] as readonly string[] as L);
}
