import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Json } from "#api/object.ts";
import { SkipError } from "#dag/authoring/context.ts";
import { optionalText, requiredText, type Operator, type OperatorCall } from "./operator.ts";
import { waitFor } from "./sensors.ts";

/** Longest last line that is handed on. */
const resultLengthMax = 65_536;
/** As in Airflow: a command says by this code that there is nothing to do. */
const skipCode = 99;

/** Runs a command in a shell. Its output goes to the log; the last line is the result. */
export const bashOperator: Operator = {
  templated: ["command", "env", "cwd"],
  templateEndings: [".sh", ".bash"],
  async execute(call) {
    const command = requiredText(call, "command");
    const shell = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
    call.log.line("INFO", `runs ${shell} -c ${JSON.stringify(command)}`);
    const outcome = await runShell(call, shell, command);
    call.log.line("INFO", `ended with ${outcome.code ?? outcome.signal ?? "?"}`);
    if (outcome.code === 0) return { value: outcome.last };
    if (outcome.code !== null && skipCodes(call.input["skipOnExitCode"]).includes(outcome.code)) {
      throw new SkipError(`the command ended with ${outcome.code}`);
    }
    throw new Error(
      outcome.code === null
        ? `the command was ended by ${outcome.signal ?? "a signal"}`
        : `the command ended with exit code ${outcome.code}`,
    );
  },
};

/** Looks by running a command until it ends with 0. */
export const bashSensorOperator: Operator = {
  templated: ["command", "env", "cwd"],
  templateEndings: [".sh", ".bash"],
  async execute(call) {
    const command = requiredText(call, "command");
    const shell = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
    await waitFor(call, async () => (await runShell(call, shell, command)).code === 0);
    return { value: true };
  },
};

interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly last: string;
}

function runShell(call: OperatorCall, shell: string, command: string): Promise<Outcome> {
  const cwd = optionalText(call, "cwd");
  const child = spawn(shell, ["-c", command], {
    env: environment(call),
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ["ignore", "pipe", "pipe"],
    signal: call.context.signal,
    killSignal: "SIGTERM",
  });
  let last = "";
  let open = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    call.log.chunk("INFO", text);
    const lines = `${open}${text}`.split("\n");
    open = (lines.pop() ?? "").slice(-resultLengthMax);
    last = lines.findLast((it) => it !== "") ?? last;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    call.log.chunk("INFO", text);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal, last: (open === "" ? last : open).slice(0, resultLengthMax) });
    });
  });
}

/** The worker's own environment is the base, unless the author wants none of it. */
function environment(call: OperatorCall): Record<string, string> | undefined {
  const own: Record<string, string> = {
    ...folderOf(call),
    AIRFLOW_CTX_DAG_ID: call.job.dagId,
    AIRFLOW_CTX_TASK_ID: call.job.taskId,
    AIRFLOW_CTX_DAG_RUN_ID: call.job.runId,
    AIRFLOW_CTX_TRY_NUMBER: String(call.job.tryNumber),
    AIRFLOW_CTX_LOGICAL_DATE: call.context.ts,
  };
  for (const [name, value] of Object.entries(asObject(call.input["env"]))) {
    if (value !== undefined && value !== null) {
      own[name] = typeof value === "string" ? value : JSON.stringify(value);
    }
  }
  if (call.input["appendEnv"] === false) return { PATH: "/usr/local/bin:/usr/bin:/bin", ...own };
  return { ...call.environment, ...own };
}

/** Where the files of the DAG's version are, as its file sees them. */
function folderOf({ job }: OperatorCall): Record<string, string> {
  if (job.code === undefined) return {};
  return { GANTRY_DAG_FOLDER: dirname(join(job.code.bundleFolder, job.code.file)) };
}

function asObject(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function skipCodes(value: Json | undefined): number[] {
  if (value === undefined || value === null) return [skipCode];
  return (Array.isArray(value) ? value : [value]).map(Number);
}
