import { readFile } from "node:fs/promises";
import { InvalidArgumentError, type Command } from "commander";
import { defaultPolicy, type Policy } from "#apiserver/audit/policy.ts";
import { readPolicy } from "#apiserver/audit/policy-file.ts";
import type { AuditLogOptions } from "#apiserver/audit/log-file.ts";
import { describeError } from "#base/log.ts";
import { resolvePath, type AuditOptions } from "#main/command-line/options.ts";

const mebibyte = 1024 * 1024;
const dayMs = 86_400_000;

/** A log that is to be kept. */
export interface AuditSettings extends Pick<AuditLogOptions, "path" | "limits"> {
  readonly policy: Policy;
}

/** Adds the definitions of {@link AuditOptions}. */
export function addAuditOptions(command: Command): Command {
  return command
    .option(
      "--audit-log-path <file>",
      "write an audit log of the API there; none if unset",
      filePath,
    )
    .option("--audit-log-maxsize <MiB>", "size at which another file is begun", parseSize, 100)
    .option("--audit-log-maxbackup <number>", "older files that are kept; 0: all", parseCount, 10)
    .option(
      "--audit-log-maxage <days>",
      "days that older files are kept; 0: for ever",
      parseCount,
      0,
    )
    .option(
      "--audit-policy-file <file>",
      "what is logged of which requests; see docs/policies.md",
      resolvePath,
    );
}

/** The same as arguments, for programs that this one starts. */
export function auditArguments(options: AuditOptions): string[] {
  const { auditLogPath, auditPolicyFile } = options;
  if (auditLogPath === undefined) return [];
  return [
    ...["--audit-log-path", auditLogPath],
    ...["--audit-log-maxsize", String(options.auditLogMaxsize)],
    ...["--audit-log-maxbackup", String(options.auditLogMaxbackup)],
    ...["--audit-log-maxage", String(options.auditLogMaxage)],
    ...(auditPolicyFile === undefined ? [] : ["--audit-policy-file", auditPolicyFile]),
  ];
}

/** Reads the policy. Undefined when no log is kept. @throws {Error} naming what is wrong in the file. */
export async function auditSettings(options: AuditOptions): Promise<AuditSettings | undefined> {
  const { auditLogPath: path, auditPolicyFile: file } = options;
  if (path === undefined) {
    if (file === undefined) return undefined;
    throw new Error("--audit-policy-file needs --audit-log-path: where the log is to be written");
  }
  const limits = {
    bytesMax: options.auditLogMaxsize * mebibyte,
    backupsMax: options.auditLogMaxbackup,
    ageMaxMs: options.auditLogMaxage * dayMs,
  };
  return { path, limits, policy: file === undefined ? defaultPolicy : await policyIn(file) };
}

async function policyIn(file: string): Promise<Policy> {
  try {
    return readPolicy(await readFile(file, "utf8"));
  } catch (error) {
    throw new Error(`--audit-policy-file ${file}: ${describeError(error)}`, { cause: error });
  }
}

/** @throws {InvalidArgumentError} */
function filePath(text: string): string {
  if (text === "-") throw new InvalidArgumentError("expected a file; standard output is not one");
  return resolvePath(text);
}

function parseSize(text: string): number {
  const size = parseCount(text);
  if (size === 0) throw new InvalidArgumentError("expected a number of MiB, at least 1");
  return size;
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number, not negative");
}
