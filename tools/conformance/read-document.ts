import { shortName } from "./document.ts";
import { areaOf, type Outcome, type TestResult } from "./report.ts";

/** What a document tells of the runs that made it. */
export interface EarlierRuns {
  readonly results: readonly TestResult[];
  readonly wallSeconds: number;
}

const outcomes: readonly string[] = ["passed", "failed", "skipped"] satisfies readonly Outcome[];

/**
 * The results in a document, for a machine that has none of its own: tests that do not run keep them.
 * @param tests the full names of all tests; a line of the document that means none of them is left out.
 */
export function readDocument(text: string, tests: readonly string[]): EarlierRuns {
  const byShort = new Map(tests.map((it) => [`${areaOf(it)} ${shortName(it)}`, it]));
  const said = messagesOf(text);
  const sections = text.split(/^## /m).slice(1);
  const results = sections.flatMap((section) => {
    const area = section.slice(0, section.indexOf("\n")).trim();
    return [...section.matchAll(/^\| (.+?) +\| (\w+) +\| (\d+) +\|$/gm)].flatMap(
      ([, short = "", outcome = "", seconds = ""]): TestResult[] => {
        const name = byShort.get(`${area} ${short}`);
        if (name === undefined || !outcomes.includes(outcome)) return [];
        const message = said.get(name) ?? "";
        return [{ name, outcome: outcome as Outcome, seconds: Number(seconds), message }];
      },
    );
  });
  return { results, wallSeconds: wallSecondsOf(text) };
}

/** By test: its own words, where no reason was known. */
function messagesOf(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^- (.+?): `(.*)`$/gm);
  return new Map(
    [...lines].map(([, name = "", words = ""]) => [name.replaceAll(/\\([*_<|[\]])/g, "$1"), words]),
  );
}

function wallSecondsOf(text: string): number {
  const [, hours = "0", minutes = "0"] = /Tests ran for (?:(\d+) h )?(\d+) min/.exec(text) ?? [];
  return Number(hours) * 3_600 + Number(minutes) * 60;
}
