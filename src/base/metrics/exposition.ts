/**
 * Prometheus' text format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/. What is written here is also what
 * OpenMetrics allows in names, labels and values.
 */

/** The `content-type` of {@link renderFamilies}. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

export type MetricType = "counter" | "gauge" | "histogram";

/** Label names with their values, in the order in which they are written. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a family. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** When it was measured, milliseconds since the epoch; undefined: when it is read. */
  readonly timeMs?: number | undefined;
}

/** All values of one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}

/** The text of counters and gauges. Families without samples are left out. */
export function renderFamilies(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const { samples, ...head } of families) {
    if (samples.length === 0) continue;
    lines.push(...headLines(head));
    for (const it of withoutDoubles(samples)) lines.push(sampleLine(head.name, it));
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** A scraper refuses all of a text that has a series twice: the last sample of each counts. */
export function withoutDoubles(samples: Iterable<Sample>): Iterable<Sample> {
  const byLabels = new Map<string, Sample>();
  for (const it of samples) byLabels.set(labelText(Object.entries(it.labels)), it);
  return byLabels.values();
}

/** `# HELP` and `# TYPE`. */
export function headLines(it: {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
}): readonly string[] {
  return [`# HELP ${it.name} ${escapeHelp(it.help)}`, `# TYPE ${it.name} ${it.type}`];
}

export function sampleLine(name: string, { labels, value, timeMs }: Sample): string {
  const text = labelText(Object.entries(labels));
  const time = timeMs === undefined ? "" : ` ${Math.round(timeMs)}`;
  return `${name}${text === "" ? "" : `{${text}}`} ${valueText(value)}${time}`;
}

/** `a="x",b="y"`, without braces; empty without labels. */
export function labelText(labels: readonly (readonly [name: string, value: string])[]): string {
  return labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",");
}

/** A number as Go writes it: `+Inf`, `NaN`. */
export function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
