/** One sample of a text in Prometheus' format. */
export interface ReadSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const linePattern =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-zA-Z_])|(?=\})))*)\})? (-?[\d.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)(?: (-?\d+))?$/;
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/g;

/**
 * Reads a text in Prometheus' format 0.0.4, as strictly as a scraper: every family announced once,
 * before its samples, with help; no series twice; buckets that only grow.
 * @throws {Error} naming the line.
 */
export function readExposition(text: string): readonly ReadSample[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  const reader = new Reader();
  for (const line of text.split("\n").slice(0, -1)) reader.read(line);
  reader.finish();
  return reader.samples;
}

/** The value of the sample with (at least) these labels; undefined when there is none. */
export function valueOf(
  samples: readonly ReadSample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    (it) =>
      it.name === name &&
      Object.entries(labels).every(([label, value]) => it.labels.get(label) === value),
  )?.value;
}

class Reader {
  readonly samples: ReadSample[] = [];
  readonly #types = new Map<string, string>();
  readonly #series = new Set<string>();
  /** The last bucket of each histogram's series, by its name and labels. */
  readonly #buckets = new Map<string, number>();
  #help: string | undefined;
  #family = "";

  read(line: string): void {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") this.#help = name;
    else if (kind === "TYPE") this.#begin(name, rest);
    else this.#sample(line);
  }

  finish(): void {
    for (const [key, count] of this.#buckets) {
      const [name = "", labels = ""] = key.split("|");
      const total = this.samples.find(
        (it) => it.name === `${name}_count` && without(it.labels) === labels,
      );
      if (total?.value !== count) throw new Error(`${key}: ${count} in buckets, not its count`);
    }
  }

  #begin(name: string, type: string): void {
    if (this.#help !== name) throw new Error(`${name} has no help`);
    if (this.#types.has(name)) throw new Error(`${name} is announced twice`);
    this.#types.set(name, type);
    this.#family = name;
  }

  #sample(line: string): void {
    const [, name, labelText = "", value = ""] = linePattern.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    const type = this.#types.get(this.#family);
    const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (!suffixes.some((it) => name === this.#family + it)) {
      throw new Error(`${name} is not of the family ${this.#family}`);
    }
    const labels = new Map<string, string>();
    for (const [, label = "", text = ""] of labelText.matchAll(labelPattern)) {
      if (labels.has(label)) throw new Error(`the label ${label} twice: ${line}`);
      labels.set(label, text);
    }
    const series = `${name}{${without(labels, "")}}`;
    if (this.#series.has(series)) throw new Error(`the series twice: ${line}`);
    this.#series.add(series);
    const number = value.endsWith("Inf") ? Number(value.replace("Inf", "Infinity")) : Number(value);
    this.samples.push({ name, labels, value: number });
    if (name === `${this.#family}_bucket`) this.#bucket(labels, number);
  }

  #bucket(labels: ReadonlyMap<string, string>, count: number): void {
    const key = `${this.#family}|${without(labels)}`;
    if (count < (this.#buckets.get(key) ?? 0)) throw new Error(`${key}: a bucket shrinks`);
    this.#buckets.set(key, count);
  }
}

/** Labels in their order by name, without one. */
function without(labels: ReadonlyMap<string, string>, name = "le"): string {
  const kept = [...labels].filter(([label]) => label !== name);
  return kept
    .map(([label, value]) => `${label}=${value}`)
    .sort()
    .join();
}
