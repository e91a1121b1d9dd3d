/** How much of the log is kept. */
export interface LogLimits {
  /** Of one file, before another is begun. */
  readonly bytesMax: number;
  /** Of older files; 0: all of them. */
  readonly backupsMax: number;
  /** Of older files, since they were set aside; 0: no limit. */
  readonly ageMaxMs: number;
}

const stamp = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})\.(\d{3})$/;

/** `audit.log` set aside at `ms` is `audit-2026-01-02T03-04-05.678.log`, as upstream names it. */
export function backupName(name: string, ms: number): string {
  const [base, extension] = split(name);
  return `${base}-${new Date(ms).toISOString().slice(0, -1).replaceAll(":", "-")}${extension}`;
}

/** Which files of a folder are older parts of the log and more than is kept. */
export function expiredBackups(
  name: string,
  files: readonly string[],
  now: number,
  limits: LogLimits,
): string[] {
  const newestFirst = files
    .map((file) => ({ file, at: timeOf(name, file) }))
    .filter((it): it is { file: string; at: number } => it.at !== undefined)
    .sort((left, right) => right.at - left.at);
  const { backupsMax, ageMaxMs } = limits;
  return newestFirst
    .filter(({ at }, i) => {
      const isOneTooMany = backupsMax > 0 && i >= backupsMax;
      return isOneTooMany || (ageMaxMs > 0 && now - at > ageMaxMs);
    })
    .map((it) => it.file);
}

/** When a file was set aside; undefined for files that are no part of the log. */
function timeOf(name: string, file: string): number | undefined {
  const [base, extension] = split(name);
  if (!file.startsWith(`${base}-`) || !file.endsWith(extension)) return undefined;
  const found = stamp.exec(file.slice(base.length + 1, file.length - extension.length));
  if (found === null) return undefined;
  const [, date, hours, minutes, seconds, millis] = found;
  const ms = Date.parse(`${date}T${hours}:${minutes}:${seconds}.${millis}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function split(name: string): [base: string, extension: string] {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
}
