import { areaOf, compareText, type TestResult } from "./report.ts";
import type { Reason } from "./reasons.ts";

/** What `docs/conformance.md` is made of. */
export interface Conformance {
  readonly release: string;
  /** What the tests ran on: processors, memory, kernel. */
  readonly machine: string;
  /** Names of all the release's conformance tests. */
  readonly tests: readonly string[];
  readonly results: readonly TestResult[];
  /** Of the runs that gave the results, one after the other. */
  readonly wallSeconds: number;
  readonly reasons: readonly Reason[];
}

/** How much of a failed test's own words is shown where no reason is known. */
const messageCharactersMax = 240;

/** The document, with one line for each test. */
export function renderDocument(conformance: Conformance): string {
  const { release, machine, tests, results, wallSeconds } = conformance;
  const passed = results.filter((it) => it.outcome === "passed").length;
  const sections = [
    `# Conformance`,
    `The conformance tests of Kubernetes ${release}, built from its sources and run against
\`gantry up --nodes 2\` by \`npm run conformance\`, which also writes this page. A test keeps its latest
result until it runs again.`,
    `**${passed} of ${tests.length} pass.** Tests ran for ${duration(wallSeconds)} (${machine}).`,
    renderAreas(conformance),
    ...renderFailures(conformance),
    ...renderTests(conformance),
  ];
  return `${sections.join("\n\n")}\n`;
}

function renderAreas({ tests, results }: Conformance): string {
  const areas = [...new Set(tests.map(areaOf))].toSorted(compareText);
  const rows = areas.map((area) => {
    const of = results.filter((it) => areaOf(it.name) === area);
    const count = (outcome: string): number => of.filter((it) => it.outcome === outcome).length;
    const all = tests.filter((it) => areaOf(it) === area).length;
    return [area, all, count("passed"), count("failed"), count("skipped"), all - of.length];
  });
  const sums = [1, 2, 3, 4, 5].map((column) =>
    rows.reduce((sum, row) => sum + Number(row[column]), 0),
  );
  return table(
    ["area", "tests", "passed", "failed", "skipped", "not run"],
    [...rows, ["**sum**", ...sums]],
  );
}

function renderFailures({ results, reasons }: Conformance): readonly string[] {
  const failed = results.filter((it) => it.outcome !== "passed");
  if (failed.length === 0) return [];
  const lines = failed.map((it) => `- ${escape(it.name)}: ${reasonOf(it, reasons)}`);
  return ["## What fails, and why", lines.join("\n")];
}

function reasonOf(result: TestResult, reasons: readonly Reason[]): string {
  const known = reasons.find((it) => it.tests.test(result.name));
  if (known !== undefined) return known.reason;
  const [words = ""] = result.message.replaceAll(/\s+/g, " ").match(/^.{0,239}/) ?? [];
  const more = result.message.length > messageCharactersMax ? "…" : "";
  return words === "" ? "the test does not say" : `\`${words.replaceAll("`", "'")}${more}\``;
}

function renderTests({ tests, results }: Conformance): readonly string[] {
  const byName = new Map(results.map((it) => [it.name, it]));
  const areas = [...new Set(tests.map(areaOf))].toSorted(compareText);
  return areas.flatMap((area) => {
    const rows = tests
      .filter((it) => areaOf(it) === area)
      .toSorted(compareText)
      .map((name) => {
        const result = byName.get(name);
        return [shortName(name), result?.outcome ?? "not run", result?.seconds ?? ""];
      });
    return [`## ${area}`, table(["test", "result", "seconds"], rows)];
  });
}

/** A test's name in the table of its area, as Markdown. */
export function shortName(name: string): string {
  return escape(name.replace(/^\[[^\]]*\] /, "").replace(/ \[Conformance\]$/, ""));
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text as Markdown shows it word by word. */
function escape(text: string): string {
  return text.replaceAll(/[*_<|[\]]/g, String.raw`\$&`);
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
