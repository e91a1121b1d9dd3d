// PostgreSQL from Debian's packages: the SQL suite, and the simulation of several schedulers.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPostgres } from "#sql/postgres.ts";
import { databaseSuite } from "#testing/database-suite.ts";
import { simulateSchedulers } from "#testing/scheduler-simulation.ts";
import type { Database } from "#sql/database.ts";

const port = 25_432;
const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
const programs = join("/usr/lib/postgresql", versions.sort().at(-1) ?? "none", "bin");
const folder = mkdtempSync(join(tmpdir(), "gantry-postgres-"));
let server: ChildProcess | undefined;
let databases = 0;

/** PostgreSQL refuses to run as root. */
function asPostgres(program: string, args: readonly string[]): [string, string[]] {
  const user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
  return ["setpriv", [...user, join(programs, program), ...args]];
}

function address(name: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${name}`;
}

async function fresh(): Promise<Database> {
  databases += 1;
  const name = `test${databases}`;
  await using admin = openPostgres(address("postgres"), { connections: 1 });
  await admin.run(`create database ${name}`);
  return openPostgres(address(name), { connections: 5 });
}

before(async () => {
  const uid = Number(spawnSync("id", ["-u", "postgres"], { encoding: "utf8" }).stdout);
  chownSync(folder, uid, uid);
  const data = join(folder, "data");
  const made = spawnSync(...asPostgres("initdb", ["-D", data, "-A", "trust", "-U", "postgres"]));
  assert.equal(made.status, 0, made.stderr.toString());
  const settings = ["fsync=off", "listen_addresses=127.0.0.1", `port=${port}`];
  const args = ["-D", data, "-k", folder, ...settings.flatMap((it) => ["-c", it])];
  server = spawn(...asPostgres("postgres", args), { stdio: "ignore" });
  for (let left = 100; left > 0; left -= 1) {
    try {
      await using database = openPostgres(address("postgres"), { connections: 1 });
      await database.rows("select 1");
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 200));
    }
  }
  assert.fail("PostgreSQL does not answer");
});

after(async () => {
  const ended = new Promise((done) => server?.once("exit", done));
  server?.kill("SIGINT");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

databaseSuite("PostgreSQL", fresh);

test("PostgreSQL: several schedulers keep every promise", { timeout: 120_000 }, async () => {
  await using database = await fresh();
  const figures = await simulateSchedulers(database, 2, 150);
  assert.ok(figures.runs > 3, JSON.stringify(figures));
});
