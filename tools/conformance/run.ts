import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseReports, type TestResult } from "./report.ts";
import type { Suite } from "./upstream.ts";

export interface Phase {
  /** Full names of the tests to run. */
  readonly tests: readonly string[];
  /** Tests at the same time. */
  readonly processes: number;
}

export interface Run {
  readonly suite: Suite;
  readonly kubeconfig: string;
  /** Gets the log and ginkgo's report. */
  readonly directory: string;
  /** How long one phase may take at most. */
  readonly minutesMax: number;
}

/** The tests that may run at the same time, then those that want the cluster for themselves. */
export function phasesOf(tests: readonly string[], processes: number): readonly Phase[] {
  const isSerial = (name: string): boolean => name.includes("[Serial]");
  const phases: readonly Phase[] = [
    { tests: tests.filter((it) => !isSerial(it)), processes },
    { tests: tests.filter(isSerial), processes: 1 },
  ];
  return phases.filter((it) => it.tests.length > 0);
}

/** A regular expression, as Go reads them, that matches these tests' names. */
export function focusOn(tests: readonly string[]): string {
  const quoted = tests.map((it) => it.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`));
  return `(?:${quoted.join("|")})$`;
}

/**
 * Runs the tests of a phase and resolves with what each of them came to. Failed tests are results;
 * @throws {Error} when the suite gives no report, with where its log is.
 */
export async function runPhase(
  run: Run,
  phase: Phase,
  name: string,
): Promise<readonly TestResult[]> {
  const { suite, directory } = run;
  const report = `${name}.json`;
  const log = join(directory, `${name}.log`);
  const args = [
    `--procs=${phase.processes}`,
    `--focus=${focusOn(phase.tests)}`,
    `--timeout=${run.minutesMax}m`,
    "--no-color",
    "--silence-skips",
    `--json-report=${report}`,
    `--output-dir=${directory}`,
    join(suite.programs, "e2e.test"),
    "--",
    "--provider=skeleton",
    `--kubeconfig=${run.kubeconfig}`,
    // Events and metrics of a failed test's nodes: minutes of time, and nothing that is read here.
    "--dump-logs-on-failure=false",
    "--disable-log-dump",
  ];
  await ginkgo(join(suite.programs, "ginkgo"), args, log);
  const path = join(directory, report);
  if (!existsSync(path)) throw new Error(`the suite gave no report; its log is ${log}`);
  return parseReports(JSON.parse(readFileSync(path, "utf8")) as unknown);
}

/** Names of all tests of a release that count for conformance. */
export async function conformanceTests(suite: Suite): Promise<readonly string[]> {
  const text = readFileSync(
    join(suite.kubernetes, "test/conformance/testdata/conformance.yaml"),
    "utf8",
  );
  const { load } = await import("js-yaml");
  return (load(text) as { codename: string }[]).map((it) => it.codename);
}

async function ginkgo(program: string, args: readonly string[], log: string): Promise<void> {
  const out = createWriteStream(log);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.pipe(out, { end: false });
  for await (const line of createInterface({ input: child.stdout })) {
    out.write(`${line}\n`);
    if (/^\s*(?:\[FAIL\]|Ran \d+ of)/.test(line)) console.log(line.trim());
  }
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once("close", resolve));
  }
  out.end();
}
