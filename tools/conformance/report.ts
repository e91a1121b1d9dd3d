/** What a run of the suite says, read from ginkgo's JSON report. */

export type Outcome = "passed" | "failed" | "skipped";

export interface TestResult {
  /** The suite's name of the test, which starts with its area: `[sig-node] Pods should …`. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** What the failed test says; empty for others. */
  readonly message: string;
}

/** The fields of ginkgo's `types.Report` that are read here. */
interface Report {
  readonly RunTime?: number;
  readonly SpecReports?: readonly SpecReport[] | null;
}

interface SpecReport {
  readonly ContainerHierarchyTexts?: readonly string[] | null;
  readonly LeafNodeText?: string;
  readonly LeafNodeType?: string;
  readonly State?: string;
  readonly RunTime?: number;
  readonly Failure?: { readonly Message?: string } | null;
}

/** Ginkgo's states of tests that did not run, or were not among those asked for. */
const unrun = new Set(["pending", "skipped", ""]);
const nanosecondsPerSecond = 1e9;

/**
 * The tests that ran, in order of their names; those that the test itself skipped are among them.
 * @param json one report or several, as ginkgo writes them. @throws {Error} when it is none.
 */
export function parseReports(json: unknown): readonly TestResult[] {
  if (!Array.isArray(json)) throw new Error("ginkgo's report is no list");
  return (json as readonly Report[])
    .flatMap((it) => it.SpecReports ?? [])
    .flatMap(resultOf)
    .toSorted((one, other) => compareText(one.name, other.name));
}

function resultOf(spec: SpecReport): readonly TestResult[] {
  if (spec.LeafNodeType !== "It") return [];
  const message = spec.Failure?.Message ?? "";
  const state = spec.State ?? "";
  // Ginkgo gives a message to a test that skips itself and none to one that was not asked for.
  if (unrun.has(state) && message === "") return [];
  const outcome = state === "passed" ? "passed" : unrun.has(state) ? "skipped" : "failed";
  return [
    {
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText ?? ""].join(" "),
      outcome,
      seconds: Math.round((spec.RunTime ?? 0) / nanosecondsPerSecond),
      message: outcome === "passed" ? "" : message,
    },
  ];
}

/** `sig-node` of `[sig-node] Pods should …`; empty when the name has none. */
export function areaOf(name: string): string {
  return /^\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? "";
}

/** Later results take the place of earlier ones of the same test. */
export function mergeResults(
  earlier: readonly TestResult[],
  later: readonly TestResult[],
): readonly TestResult[] {
  const byName = new Map([...earlier, ...later].map((it) => [it.name, it]));
  return [...byName.values()].toSorted((one, other) => compareText(one.name, other.name));
}

/** By code unit: the same order on every machine. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
