import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "#sql/postgres.ts";
import { freePort } from "./free-port.ts";

const packages = "/usr/lib/postgresql";

/** PostgreSQL of Debian's packages on loopback, with a data directory of its own. */
export class PostgresProcess implements AsyncDisposable {
  readonly #args: readonly string[];
  #server: ChildProcess;
  readonly #folder: string;
  readonly #port: number;
  #databases = 0;

  private constructor(args: readonly string[], folder: string, port: number) {
    this.#args = args;
    this.#server = spawn(...asPostgres("postgres", args), { stdio: "ignore" });
    this.#folder = folder;
    this.#port = port;
  }

  /** @param settings such as `fsync=off`. @throws {Error} when the server does not come up. */
  static async start(settings: readonly string[] = []): Promise<PostgresProcess> {
    const folder = mkdtempSync(join(tmpdir(), "gantry-postgres-"));
    const user = Number(spawnSync("id", ["-u", "postgres"], { encoding: "utf8" }).stdout);
    chownSync(folder, user, user);
    const data = join(folder, "data");
    const made = spawnSync(...asPostgres("initdb", ["-D", data, "-A", "trust", "-U", "postgres"]));
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr.toString()}`);
    const port = await freePort();
    const all = ["listen_addresses=127.0.0.1", `port=${port}`, ...settings];
    const args = ["-D", data, "-k", folder, ...all.flatMap((it) => ["-c", it])];
    const started = new PostgresProcess(args, folder, port);
    await started.#serving();
    return started;
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  /** Ends it at once, as a loss of power would. */
  async crash(): Promise<void> {
    const ended = new Promise((done) => this.#server.once("exit", done));
    this.#server.kill("SIGQUIT");
    await ended;
  }

  /** Starts it again after a crash; resolves when it answers. */
  async again(): Promise<void> {
    this.#server = spawn(...asPostgres("postgres", this.#args), { stdio: "ignore" });
    await this.#serving();
  }

  address(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/${database}`;
  }

  /** Makes an empty database. @returns its address. */
  async create(): Promise<string> {
    this.#databases += 1;
    const name = `test${this.#databases}`;
    await using admin = openPostgres(this.address("postgres"), { connections: 1 });
    await admin.run(`create database ${name}`);
    return this.address(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((done) => this.#server.once("exit", done));
    this.#server.kill("SIGINT");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #serving(): Promise<void> {
    for (let left = 100; left > 0; left -= 1) {
      try {
        await using database = openPostgres(this.address("postgres"), { connections: 1 });
        await database.rows("select 1");
        return;
      } catch {
        await new Promise((done) => setTimeout(done, 200));
      }
    }
    throw new Error("PostgreSQL does not answer");
  }
}

/** PostgreSQL refuses to run as root. */
function asPostgres(program: string, args: readonly string[]): [string, string[]] {
  const newest = readdirSync(packages).sort().at(-1) ?? "none";
  const user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
  return ["setpriv", [...user, join(packages, newest, "bin", program), ...args]];
}
