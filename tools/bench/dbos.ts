import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const version = "5.3.0";

/** Milliseconds of each workload, and of processor time for one of the runs that go together. */
export interface DbosFigures {
  readonly w1: number;
  readonly w2: number;
  readonly cold: number;
  readonly three: readonly number[];
  readonly together: number;
  readonly cpuEach: number;
  readonly lag: number;
  readonly parallel: number;
}

/**
 * DBOS, durable steps in one process on PostgreSQL, installed from the package index into a folder
 * that is removed afterwards. Undefined when it cannot be installed.
 * @param sizes how many runs go together, and how many DAGs of ten tasks.
 */
export function measureDbos(
  address: string,
  sizes: { readonly runs: number; readonly samples: number; readonly dags: number },
): DbosFigures | undefined {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-dbos-"));
  try {
    writeFileSync(join(folder, "package.json"), '{"type":"module","private":true}');
    const args = ["install", "--no-audit", "--no-fund", `@dbos-inc/dbos-sdk@${version}`];
    const installed = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
    if (installed.status !== 0) return undefined;
    writeFileSync(join(folder, "bench.js"), program);
    const given = [address, String(sizes.samples), String(sizes.runs), String(sizes.dags)];
    const run = spawnSync(process.execPath, ["bench.js", ...given], {
      cwd: folder,
      encoding: "utf8",
    });
    const line = run.stdout.split("\n").findLast((it) => it.startsWith('{"w1"'));
    if (line === undefined) throw new Error(`DBOS: ${run.stderr}${run.stdout}`);
    return JSON.parse(line) as DbosFigures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const program = `import { DBOS } from "@dbos-inc/dbos-sdk";
const [address, samples, runs, dags] = process.argv.slice(2);
const fibo = (n) => (n < 2 ? n : fibo(n - 1) + fibo(n - 2));
const row = (count, act) => async () => {
  for (let at = 0; at < count; at += 1) await DBOS.runStep(act, { name: "step" + at });
};
const w1 = DBOS.registerWorkflow(row(40, async () => fibo(10)), { name: "w1" });
const w2 = DBOS.registerWorkflow(row(10, async () => fibo(33)), { name: "w2" });
const three = DBOS.registerWorkflow(row(3, async () => 1), { name: "three" });
const ten = DBOS.registerWorkflow(async () => {
  const times = [];
  for (let at = 0; at < 10; at += 1) {
    times.push(await DBOS.runStep(async () => [Date.now(), Date.now()], { name: "step" + at }));
  }
  return times;
}, { name: "ten" });
const parallel = DBOS.registerWorkflow(async () => {
  const steps = Array.from({ length: 10 }, (_, at) =>
    DBOS.runStep(async () => 1, { name: "step" + at }));
  await Promise.allSettled(steps);
}, { name: "parallel" });
const one = async (workflow) => (await DBOS.startWorkflow(workflow)()).getResult();
const timed = async (act) => { const at = performance.now(); await act(); return performance.now() - at; };
const many = (count, workflow) => Promise.all(Array.from({ length: count }, () => one(workflow)));
DBOS.setConfig({ name: "bench", systemDatabaseUrl: address, logLevel: "error", runAdminServer: false });
await DBOS.launch();
const cold = await timed(() => one(three));
const times = [];
for (let at = 0; at < Number(samples); at += 1) times.push(await timed(() => one(three)));
const before = process.cpuUsage();
const together = await timed(() => many(Number(runs), three));
const used = process.cpuUsage(before);
const cpuEach = (used.user + used.system) / 1000 / Number(runs);
let lag = 0;
const asked = Date.now();
for (const steps of await many(Number(dags), ten)) {
  let due = asked;
  for (const [start, end] of steps) { lag += start - due; due = end; }
}
const wide = await timed(() => many(Number(dags), parallel));
const first = await timed(() => one(w1));
const second = await timed(() => one(w2));
console.log(JSON.stringify({ w1: first, w2: second, cold, three: times, together, cpuEach, lag: lag / 1000, parallel: wide }));
await DBOS.shutdown();
process.exit(0);
`;
