import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Database } from "#sql/database.ts";
import { openSqlite } from "#sql/sqlite.ts";
import type { EngineOptions, EnginePorts } from "#workflows/engine.ts";
import { objectSettings } from "#workflows/objects/settings.ts";
import { outputSizeMax } from "#workflows/state/outputs.ts";
import { Vault } from "#workflows/state/vault.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { brokerVariable } from "./broker.ts";
import { workerArguments } from "./worker-arguments.ts";

/** What every command about workflows takes. */
export interface WorkflowWhere {
  readonly dataDir: string;
  /** A PostgreSQL address; SQLite in the data directory when undefined. */
  readonly database?: string;
  readonly dagsFolder?: string;
}

/** The places of an installation's workflows. */
export interface WorkflowPlaces {
  readonly home: string;
  readonly dagsFolder: string;
  readonly logsFolder: string;
  readonly codeFolder: string;
  readonly databaseFile: string;
  readonly keyFile: string;
  /** Of this installation's cluster, where there is one. */
  readonly kubeconfig: string;
}

/** Makes the folders that are not there. */
export function workflowPlaces(where: WorkflowWhere): WorkflowPlaces {
  const data = resolve(where.dataDir);
  const home = pathsBelow(data, runDirectoryOf(data)).workflows;
  const dagsFolder = resolve(where.dagsFolder ?? join(home, "dags"));
  const logsFolder = join(home, "logs");
  const codeFolder = join(home, "code");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const folder of [dagsFolder, logsFolder, codeFolder]) mkdirSync(folder, { recursive: true });
  return {
    home,
    dagsFolder,
    logsFolder,
    codeFolder,
    databaseFile: join(home, "workflows.sqlite"),
    keyFile: join(home, "secret.key"),
    kubeconfig: pathsBelow(data, runDirectoryOf(data)).kubeconfig,
  };
}

/** Connections of one process to PostgreSQL. */
const connectionsMax = 5;

/** Opens the workflows' database. @throws {Error} for an address that is not PostgreSQL's. */
export async function openWorkflowDatabase(
  places: WorkflowPlaces,
  address: string | undefined,
): Promise<Database> {
  if (address === undefined) return openSqlite(places.databaseFile);
  if (!/^postgres(ql)?:\/\//.test(address)) {
    throw new Error("--database: expected an address such as postgres://user:password@host/name");
  }
  const { openPostgres } = await import("#sql/postgres.ts");
  return openPostgres(address, { connections: connectionsMax });
}

/** The key of this installation, made when there is none. GANTRY_SECRET_KEY goes before the file. */
export function openVault({ keyFile }: WorkflowPlaces): Vault {
  const named = process.env["GANTRY_SECRET_KEY"];
  if (named === undefined || named === "") {
    try {
      writeFileSync(keyFile, randomBytes(32).toString("base64"), { flag: "wx", mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  const text = named === undefined || named === "" ? readFileSync(keyFile, "utf8") : named;
  const key = Buffer.from(text.trim(), "base64");
  if (key.length === 32) return new Vault(key);
  throw new Error("the secret key must be 32 bytes in base64: openssl rand -base64 32");
}

/** What the engine of this process uses. */
export function enginePorts(
  database: Database,
  places: WorkflowPlaces,
  log: Logger,
): Omit<EnginePorts, "workers" | "kubernetes" | "celery"> {
  const environment = ownEnvironment();
  return {
    database,
    clock: systemClock,
    random: systemRandom,
    log,
    vault: openVault(places),
    environment,
    fetch: (address, init) => fetch(address, init),
    worker: workerCommand(places),
    host: hostname(),
    pid: process.pid,
    newId: () => randomBytes(9).toString("base64url"),
    isAlive,
  };
}

/** How this program is started as a worker process. */
export function workerCommand(places: WorkflowPlaces): EnginePorts["worker"] {
  return {
    program: process.execPath,
    args: workerArguments(),
    cwd: places.dagsFolder,
    environment: { ...ownEnvironment(), GANTRY_KUBECONFIG: places.kubeconfig },
  };
}

/** Variables that only this process is to know, not the tasks that it runs. */
const ownVariables = ["GANTRY_SECRET_KEY", brokerVariable];

function ownEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || ownVariables.includes(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(own);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Airflow's defaults. */
export function engineOptions(
  places: WorkflowPlaces,
  given: {
    readonly parallelism: number;
    readonly warmWorkers: number;
    readonly executors: EngineOptions["executors"];
    readonly pausedAtCreation: boolean;
  },
): EngineOptions {
  return {
    dagsFolder: places.dagsFolder,
    logsFolder: places.logsFolder,
    codeFolder: places.codeFolder,
    scanIntervalMs: 300_000,
    parseTimeoutMs: 30_000,
    ignoreSyntax: ignoreSyntax(),
    objects: objectSettings(process.env, outputSizeMax),
    ...given,
  };
}

/** How ignore files are read. */
export function ignoreSyntax(): EngineOptions["ignoreSyntax"] {
  return process.env["AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"] === "regexp" ? "regexp" : "glob";
}
