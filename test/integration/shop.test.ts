// The example pipeline as a user runs it: images of clashing releases, pods, PostgreSQL, catchup.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { eventuallySays } from "#testing/eventually.ts";
import { GantryProcess, ok, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();
const program = resolve(import.meta.dirname, "../../dist/gantry.js");
/** The network namespace in which `tools/integration.ts` runs. */
const network = process.env["GANTRY_TEST_OUTSIDE"] ?? "/proc/self/ns/net";
let system: GantryProcess | undefined;

function gantry(): GantryProcess {
  assert.ok(system !== undefined);
  return system;
}

/** Rows of PostgreSQL, columns with `|` between them. */
function select(query: string): string {
  const psql = ["psql", "-U", "shop", "-h", "/tmp", "-Atc", query];
  return gantry().kubectl(["-n", "shop", "exec", "statefulset/db", "--", ...psql]).stdout;
}

function states(dag: string): string {
  const { stdout } = gantry().gantry("dags", "list-runs", dag, "-o", "json");
  const runs = JSON.parse(stdout === "" ? "[]" : stdout) as { run_id: string; state: string }[];
  return runs
    .map((it) => `${it.run_id.slice(11, 21)} ${it.state}`)
    .sort()
    .join(", ");
}

before(async () => {
  if (skip !== undefined) return;
  system = new GantryProcess(28_443);
  const data = join(system.directory, "data");
  const words = [process.execPath, program, "example", "build", "shop", "--data-dir", data];
  const child = spawn("nsenter", [`--net=${network}`, ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, said);
  ok(system.up("--workflows-port", "28493", "--example", "shop"));
});
after(() => {
  system?.[Symbol.dispose]();
});

test("three days are made up for, on real containers", { skip }, async () => {
  const all = "2026-01-01 success, 2026-01-02 success, 2026-01-03 success";
  for (const dag of ["shop_orders", "shop_table_by_day", "shop_table_by_product"]) {
    await eventuallySays(() => states(dag), new RegExp(`^${all}$`), 240);
  }
});

test("the rows are there, extracted with one release and validated with another", { skip }, () => {
  assert.equal(
    select("select count(*), count(distinct day), count(distinct region) from orders"),
    "27|3|3\n",
  );
  const [extracted, validated] = select(
    "select distinct extracted_with, validated_with from orders",
  )
    .trim()
    .split("|");
  assert.match(extracted ?? "", /^4\.10\./);
  assert.match(validated ?? "", /^4\.19\./);
  assert.equal(
    select("select region, amount from revenue where day = '2026-01-01' order by region"),
    "asia|80.00\neu|40.50\nus|60.50\n",
  );
  assert.equal(
    select("select product, amount from by_product order by product"),
    "coffee|213.00\ncup|265.00\ntea|93.50\n",
  );
  assert.equal(
    select("select sum(amount) = (select sum(quantity * price) from orders) from by_day"),
    "t\n",
  );
});

test("a table's file more is a DAG and a table more", { skip }, async () => {
  const dags = join(gantry().directory, "data/workflows/dags/shop");
  writeFileSync(
    join(dags, "tables/by_region.yaml"),
    "table: by_region\ndescription: By region\nquery: select region, sum(amount) as amount from revenue group by region\n",
  );
  await eventuallySays(() => states("shop_table_by_region"), /2026-01-03 success/, 120);
  assert.equal(
    select("select region, amount from by_region order by region"),
    "asia|178.00\neu|199.50\nus|194.00\n",
  );
});

test("a run of a day again changes nothing: it is loaded once", { skip }, async () => {
  const before = select("select * from orders order by 1, 2, 3");
  const conf = ["--conf", '{"least": 70}', "-l", "2026-01-02T00:00:00Z", "-r", "again"];
  ok(gantry().gantry("dags", "trigger", "shop_orders", ...conf));
  const ask = (): string =>
    gantry().gantry("runs", "show", "shop_orders", "again", "-o", "json").stdout;
  await eventuallySays(ask, /"state":"(success|failed)"/, 180);
  assert.match(ask(), /"state":"success"/);
  assert.equal(select("select * from orders order by 1, 2, 3"), before);
  const bad = gantry().gantry("dags", "trigger", "shop_orders", "--conf", '{"least": -1}');
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /Invalid input for param least: -1 is less than 0/);
});

test("a broken file is named with its place, and the others run on", { skip }, async () => {
  const dags = join(gantry().directory, "data/workflows/dags/shop");
  copyFileSync(join(dags, "tables.dag.yaml"), join(dags, "twice.dag.yaml"));
  const errors = (): string => gantry().gantry("dags", "list-import-errors", "-o", "plain").stdout;
  await eventuallySays(errors, /DAG 'shop_table_by_day' is declared in shop\/t\w+\.dag\.yaml too/);
});
