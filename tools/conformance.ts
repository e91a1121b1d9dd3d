import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, homedir, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { format } from "prettier";
import { Cluster } from "./conformance/cluster.ts";
import { renderDocument } from "./conformance/document.ts";
import { reasons } from "./conformance/reasons.ts";
import { readDocument } from "./conformance/read-document.ts";
import { areaOf, mergeResults, type TestResult } from "./conformance/report.ts";
import { conformanceTests, phasesOf, runPhase } from "./conformance/run.ts";
import { buildSuite, type Suite } from "./conformance/upstream.ts";

/*
 * `npm run conformance [areas…]`: builds Kubernetes' own conformance tests, starts a cluster of two
 * nodes for them, runs them (one area after the other: those that may run at the same time, then the
 * serial ones) and writes docs/conformance.md. As root, with Go and its module proxy at hand.
 * Results are kept: tests that do not run this time keep the results that they had, in the cache or, if
 * that is empty, in the document.
 */

const usage = `npm run conformance -- [options] [areas such as sig-node; all of them if none is named]
  --cache <path>       programs, images and results; ~/.cache/gantry-conformance
  --release <version>  of Kubernetes, v1.36.4; the newest of the targeted ones that Go can build
  --data-dir <path>    of the cluster; a folder of the cache
  --port <number>      of its API server; 26443
  --kubeconfig <path>  of a cluster that runs already and has the images
  --focus <regex>      only tests whose names match
  --failed             only tests that have not passed yet
  --procs <number>     tests at the same time; 4
  --minutes <number>   how long an area may take; 120
  --document           only write the document, from the results there are
`;
const document = resolve(import.meta.dirname, "../docs/conformance.md");

/** What is kept from run to run. */
interface Kept {
  /** Of the latest run of each area as a whole. */
  readonly wallSeconds: Readonly<Record<string, number>>;
  readonly results: readonly TestResult[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cache: { type: "string", default: join(homedir(), ".cache", "gantry-conformance") },
    "data-dir": { type: "string" },
    release: { type: "string" },
    port: { type: "string", default: "26443" },
    kubeconfig: { type: "string" },
    focus: { type: "string", default: "" },
    failed: { type: "boolean", default: false },
    procs: { type: "string", default: "4" },
    minutes: { type: "string", default: "120" },
    document: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const suite = await buildSuite(values.cache, values.release);
  const tests = await conformanceTests(suite);
  const keptPath = join(values.cache, suite.release, "results.json");
  if (!existsSync(keptPath)) write(keptPath, keptInDocument(tests));
  if (!values.document) await runAreas(suite, tests, keptPath);
  const { results, wallSeconds } = readKept(keptPath);
  const text = renderDocument({
    release: suite.release,
    machine: `${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
    tests,
    results,
    wallSeconds: Object.values(wallSeconds).reduce((sum, it) => sum + it, 0),
    reasons,
  });
  writeFileSync(document, await format(text, { parser: "markdown", printWidth: 100 }));
  const passed = results.filter((it) => it.outcome === "passed").length;
  console.log(`${passed} of ${tests.length} pass: ${document}`);
}

async function runAreas(suite: Suite, tests: readonly string[], keptPath: string): Promise<void> {
  const all = [...new Set(tests.map(areaOf))].toSorted();
  const unknown = positionals.find((it) => !all.includes(it));
  if (unknown !== undefined) throw new Error(`no area '${unknown}'; there are: ${all.join(", ")}`);
  const areas = positionals.length > 0 ? positionals : all;
  const directory = join(values.cache, suite.release, "reports");
  mkdirSync(directory, { recursive: true });
  using cluster = values.kubeconfig === undefined ? await startCluster(suite) : undefined;
  const kubeconfig = values.kubeconfig ?? cluster?.kubeconfig ?? "";
  const run = { suite, kubeconfig, directory, minutesMax: Number(values.minutes) };
  for (const area of areas) {
    const since = performance.now();
    const chosen = choose(tests, area, readKept(keptPath));
    for (const [index, phase] of phasesOf(chosen, Number(values.procs)).entries()) {
      console.log(`${area}: ${phase.tests.length} tests, ${phase.processes} at a time`);
      const results = await runPhase(run, phase, `${area}-${index + 1}`);
      const kept = readKept(keptPath);
      write(keptPath, { ...kept, results: mergeResults(kept.results, results) });
    }
    if (chosen.length < tests.filter((it) => areaOf(it) === area).length) continue;
    const seconds = Math.round((performance.now() - since) / 1000);
    const kept = readKept(keptPath);
    write(keptPath, { ...kept, wallSeconds: { ...kept.wallSeconds, [area]: seconds } });
  }
}

async function startCluster(suite: Suite): Promise<Cluster> {
  const dataDir = values["data-dir"] ?? join(values.cache, "cluster");
  return await Cluster.start(suite, { dataDir, port: values.port });
}

function choose(tests: readonly string[], area: string, { results }: Kept): readonly string[] {
  const passed = new Set(results.filter((it) => it.outcome === "passed").map((it) => it.name));
  const focus = new RegExp(values.focus);
  return tests.filter(
    (it) => areaOf(it) === area && focus.test(it) && !(values.failed && passed.has(it)),
  );
}

/** What the document tells, for a cache that is empty. Of the time that areas took, only the sum is known. */
function keptInDocument(tests: readonly string[]): Kept {
  const { results, wallSeconds } = readDocument(readFileSync(document, "utf8"), tests);
  return { results, wallSeconds: { earlier: wallSeconds } };
}

function readKept(path: string): Kept {
  if (!existsSync(path)) return { wallSeconds: {}, results: [] };
  return JSON.parse(readFileSync(path, "utf8")) as Kept;
}

function write(path: string, kept: Kept): void {
  writeFileSync(path, JSON.stringify(kept));
}
