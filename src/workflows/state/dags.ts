import { saveAssets } from "./assets.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import { insertRows, rowsByKeys, type Queries, type Row } from "#sql/database.ts";
import type { DagModel } from "#dag/model/model.ts";
import { timetableName } from "#dag/timetable/names.ts";
import { summarizeSchedule, type Interval, type RunTime } from "#dag/timetable/timetable.ts";

/** A DAG as the database has it. */
export interface DagRow {
  readonly dagId: string;
  /** Below the folder of DAGs. */
  readonly file: string;
  readonly version: number;
  readonly hash: string;
  readonly paused: boolean;
  /** False when its file no longer declares it. */
  readonly active: boolean;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly owners: readonly string[];
  /** In words, as `summarizeSchedule` gives them. */
  readonly schedule: string;
  readonly maxActiveRuns: number;
  readonly next: RunTime | undefined;
  /** Of the newest run that the schedule made. */
  readonly last: Interval | undefined;
  readonly parsedAt: number;
}

/** A row of table `dag`. */
export function dagRow(row: Row): DagRow {
  const nextAt = maybeNumber(row, "next_at");
  const lastStart = maybeNumber(row, "last_start");
  return {
    dagId: textOf(row, "dag_id"),
    file: textOf(row, "file"),
    version: numberOf(row, "version"),
    hash: textOf(row, "hash"),
    paused: numberOf(row, "paused") === 1,
    active: numberOf(row, "active") === 1,
    description: maybeText(row, "description"),
    tags: JSON.parse(textOf(row, "tags")) as string[],
    owners: JSON.parse(textOf(row, "owners")) as string[],
    schedule: textOf(row, "schedule"),
    maxActiveRuns: numberOf(row, "max_active_runs"),
    next:
      nextAt === undefined
        ? undefined
        : {
            interval: { start: numberOf(row, "next_start"), end: numberOf(row, "next_end") },
            runAfter: nextAt,
          },
    last:
      lastStart === undefined ? undefined : { start: lastStart, end: numberOf(row, "last_end") },
    parsedAt: numberOf(row, "parsed_at"),
  };
}

/** All DAGs by id; those that no file declares any longer only with `all`. */
export async function listDags(queries: Queries, all = false): Promise<readonly DagRow[]> {
  const only = all ? "" : "where active = 1";
  return (await queries.rows(`select * from dag ${only} order by dag_id`)).map(dagRow);
}

export async function findDag(queries: Queries, dagId: string): Promise<DagRow | undefined> {
  return (await queries.rows("select * from dag where dag_id = ?", dagId)).map(dagRow)[0];
}

/** Those of the DAGs that there are. */
export async function findDags(
  queries: Queries,
  ids: readonly string[],
): Promise<readonly DagRow[]> {
  const keys = ids.map((it) => [it]);
  return (await rowsByKeys(queries, "select * from dag", ["dag_id"], keys)).map(dagRow);
}

/** DAGs whose next run by schedule is due, the longest due first. */
export async function dueDags(
  queries: Queries,
  now: number,
  limit: number,
): Promise<readonly DagRow[]> {
  const rows = await queries.rows(
    "select * from dag where next_at <= ? and paused = 0 and active = 1 order by next_at limit ?",
    now,
    limit,
  );
  return rows.map(dagRow);
}

/** When the next run of any DAG is due; undefined when none is planned. */
export async function nextDue(queries: Queries): Promise<number | undefined> {
  const rows = await queries.rows(
    "select min(next_at) as at from dag where paused = 0 and active = 1",
  );
  return rows[0] === undefined ? undefined : maybeNumber(rows[0], "at");
}

export async function setNext(
  queries: Queries,
  dagId: string,
  next: RunTime | undefined,
  last: Interval | undefined,
): Promise<void> {
  await queries.run(
    "update dag set next_start = ?, next_end = ?, next_at = ?, last_start = ?, last_end = ? where dag_id = ?",
    next?.interval.start ?? null,
    next?.interval.end ?? null,
    next?.runAfter ?? null,
    last?.start ?? null,
    last?.end ?? null,
    dagId,
  );
}

/** Those of the DAGs that are paused. */
export async function pausedDags(
  queries: Queries,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const keys = ids.map((it) => [it]);
  const rows = await rowsByKeys(queries, "select dag_id, paused from dag", ["dag_id"], keys);
  return new Set(
    rows.filter((it) => numberOf(it, "paused") === 1).map((it) => textOf(it, "dag_id")),
  );
}

/** False when there is no such DAG. */
export async function setPaused(
  queries: Queries,
  dagId: string,
  paused: boolean,
): Promise<boolean> {
  const changed = await queries.run(
    "update dag set paused = ? where dag_id = ?",
    paused ? 1 : 0,
    dagId,
  );
  return changed > 0;
}

/** What a file declared, ready to be stored. */
export interface DeclaredDag {
  readonly model: DagModel;
  readonly file: string;
  /** Of model and code together: equal exactly when nothing changed. */
  readonly hash: string;
  readonly bundle: string;
}

/** Stores a DAG, with a new version when it changed. @returns its version. */
export async function saveDag(
  queries: Queries,
  declared: DeclaredDag,
  at: { readonly now: number; readonly pausedAtCreation: boolean },
): Promise<number> {
  const { model, file, hash } = declared;
  const known = await findDag(queries, model.id);
  const version = known?.hash === hash ? known.version : (known?.version ?? 0) + 1;
  if (known?.hash !== hash) {
    await insertRows(
      queries,
      "dag_version",
      ["dag_id", "number", "hash", "model", "file", "bundle", "created_at"],
      [[model.id, version, hash, JSON.stringify(model), file, declared.bundle, at.now]],
    );
  }
  const paused = known?.paused ?? model.pausedUponCreation ?? at.pausedAtCreation;
  const owners = [...new Set(model.tasks.map((it) => it.owner))].sort();
  await queries.run(
    `insert into dag (dag_id, file, version, hash, paused, active, description, tags, owners,
       schedule, timetable, max_active_runs, parsed_at)
     values (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)
     on conflict (dag_id) do update set file = excluded.file, version = excluded.version,
       hash = excluded.hash, active = 1, description = excluded.description, tags = excluded.tags,
       owners = excluded.owners, schedule = excluded.schedule, timetable = excluded.timetable,
       max_active_runs = excluded.max_active_runs, parsed_at = excluded.parsed_at`,
    model.id,
    file,
    version,
    hash,
    paused ? 1 : 0,
    model.description ?? null,
    JSON.stringify(model.tags),
    JSON.stringify(owners),
    summarizeSchedule(model.schedule),
    timetableName(model.schedule),
    model.maxActiveRuns,
    at.now,
  );
  if (known?.hash !== hash || !known.active) await saveAssets(queries, model, at.now);
  return version;
}

/** Marks the DAGs of a file that it no longer declares; `kept` are those it does. */
export async function retireDags(
  queries: Queries,
  file: string,
  kept: readonly string[],
): Promise<void> {
  const rows = await queries.rows("select dag_id from dag where file = ? and active = 1", file);
  for (const row of rows) {
    const dagId = textOf(row, "dag_id");
    if (kept.includes(dagId)) continue;
    await queries.run("update dag set active = 0 where dag_id = ? and file = ?", dagId, file);
  }
}

/** A DAG at one version. */
export interface DagVersion {
  readonly model: DagModel;
  readonly file: string;
  readonly bundle: string;
  readonly hash: string;
}

export async function findVersion(
  queries: Queries,
  dagId: string,
  version: number,
): Promise<DagVersion | undefined> {
  const [row] = await queries.rows(
    "select model, file, bundle, hash from dag_version where dag_id = ? and number = ?",
    dagId,
    version,
  );
  if (row === undefined) return undefined;
  return {
    model: JSON.parse(textOf(row, "model")) as DagModel,
    file: textOf(row, "file"),
    bundle: textOf(row, "bundle"),
    hash: textOf(row, "hash"),
  };
}

/** Names a version. After a DAG was deleted its numbers begin anew. */
export interface VersionKey {
  readonly dagId: string;
  readonly version: number;
}

/** The hashes of the versions that there are. */
export async function findVersionHashes(
  queries: Queries,
  keys: readonly VersionKey[],
): Promise<readonly (VersionKey & Pick<DagVersion, "hash">)[]> {
  const rows = await rowsByKeys(
    queries,
    "select dag_id, number, hash from dag_version",
    ["dag_id", "number"],
    keys.map((it) => [it.dagId, it.version]),
  );
  return rows.map((row) => ({
    dagId: textOf(row, "dag_id"),
    version: numberOf(row, "number"),
    hash: textOf(row, "hash"),
  }));
}

/** Code by path below the folder of DAGs. */
export type BundleFiles = Readonly<Record<string, string>>;

export async function saveBundle(
  queries: Queries,
  hash: string,
  files: BundleFiles,
): Promise<void> {
  await queries.run(
    "insert into bundle (hash, files) values (?, ?) on conflict (hash) do nothing",
    hash,
    JSON.stringify(files),
  );
}

export async function findBundle(queries: Queries, hash: string): Promise<BundleFiles | undefined> {
  const [row] = await queries.rows("select files from bundle where hash = ?", hash);
  return row === undefined ? undefined : (JSON.parse(textOf(row, "files")) as BundleFiles);
}

export interface ImportError {
  readonly file: string;
  readonly message: string;
  readonly line: number | undefined;
  readonly at: number;
}

export async function listImportErrors(queries: Queries): Promise<readonly ImportError[]> {
  const rows = await queries.rows("select * from import_error order by file");
  return rows.map((row) => ({
    file: textOf(row, "file"),
    message: textOf(row, "message"),
    line: maybeNumber(row, "line"),
    at: numberOf(row, "at"),
  }));
}

export async function setImportError(
  queries: Queries,
  file: string,
  error: { readonly message: string; readonly line: number | undefined } | undefined,
  now: number,
): Promise<void> {
  await queries.run("delete from import_error where file = ?", file);
  if (error === undefined) return;
  await queries.run(
    "insert into import_error (file, message, line, at) values (?, ?, ?, ?)",
    file,
    error.message,
    error.line ?? null,
    now,
  );
}

/** Takes an error of a file away that begins like this, as `like` has it. */
export async function clearImportError(
  queries: Queries,
  file: string,
  message: string,
): Promise<void> {
  await queries.run("delete from import_error where file = ? and message like ?", file, message);
}
