/** What something had used by one moment. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** Of processor time, since its start. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** What a node's agent said at one time. */
export interface NodeSamples {
  readonly node: Sample | undefined;
  /** By `namespace/pod/container`. */
  readonly containers: ReadonlyMap<string, Sample>;
}

/** Lines of one answer; a node has some hundred containers. */
const linesMax = 200_000;
const linePattern = /^([a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+)(?: (\d+))?$/i;

/**
 * Reads `/metrics/resource` of a kubelet; what it does not know it passes over. A container is left
 * out unless both its figures are there.
 */
export function parseResourceMetrics(text: string, nowMs: number): NodeSamples {
  const drafts = new Map<string, Draft>();
  for (const line of text.split("\n", linesMax)) readLine(line, drafts, nowMs);
  const containers = new Map<string, Sample>();
  let node: Sample | undefined;
  for (const [key, { timeMs, cpu, memory }] of drafts) {
    if (cpu === undefined || memory === undefined) continue;
    const sample = { timeMs, cpuSeconds: cpu, memoryBytes: memory };
    if (key === nodeKey) node = sample;
    else containers.set(key, sample);
  }
  return { node, containers };
}

interface Draft {
  readonly timeMs: number;
  cpu?: number;
  memory?: number;
}

function readLine(line: string, drafts: Map<string, Draft>, nowMs: number): void {
  const [, family = "", labels = "", value = "", time] = linePattern.exec(line) ?? [];
  const [, subject, figure] = familyPattern.exec(family) ?? [];
  if (subject === undefined) return;
  const key = subject === "node" ? nodeKey : containerKey(labels);
  const draft = drafts.get(key) ?? { timeMs: time === undefined ? nowMs : Number(time) };
  if (figure === "cpu_usage_seconds_total") draft.cpu = Number(value);
  else draft.memory = Number(value);
  drafts.set(key, draft);
}

const familyPattern = /^(node|container)_(cpu_usage_seconds_total|memory_working_set_bytes)$/;
const nodeKey = "";

function containerKey(labels: string): string {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of labels.matchAll(/([a-z_]+)="([^"]*)"/g)) {
    found.set(name, value);
  }
  return ["namespace", "pod", "container"].map((it) => found.get(it) ?? "").join("/");
}

/** What is used at a time. */
export interface Usage {
  readonly timeMs: number;
  /** Over which the processor's use is an average, in seconds. */
  readonly windowSeconds: number;
  /** Of a core. */
  readonly cpuNanocores: number;
  readonly memoryBytes: number;
}

/** Undefined when the later one is not later, or of another start. */
export function usageBetween(before: Sample | undefined, after: Sample): Usage | undefined {
  if (before === undefined) return undefined;
  const seconds = (after.timeMs - before.timeMs) / 1_000;
  const used = after.cpuSeconds - before.cpuSeconds;
  if (seconds <= 0 || used < 0) return undefined;
  return {
    timeMs: after.timeMs,
    windowSeconds: seconds,
    cpuNanocores: Math.round((used / seconds) * 1e9),
    memoryBytes: after.memoryBytes,
  };
}
