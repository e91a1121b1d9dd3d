import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { IgnoreSyntax } from "#dag/ignore/ignore.ts";
import type { DagModel } from "#dag/model/model.ts";
import type { WorkerCommand } from "#workflows/executor/worker-process.ts";
import { Parser } from "#workflows/loader/parser.ts";
import { scanFolder } from "#workflows/loader/scan.ts";
import { lineNaming } from "#workflows/worker/error-place.ts";

/** For a file, as long as the scheduler gives it. */
const timeoutMs = 30_000;
/** For a file that does not name the DAG which is asked for. */
const otherTimeoutMs = 5_000;

export interface FolderPorts {
  readonly dagsFolder: string;
  readonly ignoreSyntax: IgnoreSyntax;
  readonly clock: Clock;
  /** Starts the processes that read files. */
  readonly worker: WorkerCommand;
}

/** What the files of a folder declare, and which are broken. */
export interface FolderDags {
  readonly dags: readonly { readonly model: DagModel; readonly file: string }[];
  readonly errors: readonly {
    readonly file: string;
    readonly line: number | undefined;
    readonly message: string;
  }[];
}

/**
 * Reads the folder without a scheduler, in processes of their own: a file that never ends is given up.
 * @param dagId the DAG that is asked for: files that do not name it get less time.
 */
export async function readFolder(
  ports: FolderPorts,
  dagId: string | undefined,
  signal: AbortSignal,
): Promise<FolderDags> {
  const { dagsFolder, ignoreSyntax, clock, worker } = ports;
  using parser = new Parser(worker, clock, timeoutMs);
  using hasty = new Parser(worker, clock, otherTimeoutMs);
  const dags: { readonly model: DagModel; readonly file: string }[] = [];
  const errors: FolderDags["errors"][number][] = [];
  for (const { path: file } of scanFolder(dagsFolder, ignoreSyntax)) {
    const text = readFileSync(join(dagsFolder, file), "utf8");
    const isOther = dagId !== undefined && !text.includes(dagId);
    const result = await (isOther ? hasty : parser).parse(dagsFolder, file, signal);
    if (result.kind === "error") {
      errors.push({ file, line: result.line, message: result.message });
      continue;
    }
    for (const model of result.dags) {
      const other = dags.find((it) => it.model.id === model.id);
      if (other === undefined) dags.push({ model, file });
      else {
        const message = `DAG '${model.id}' is declared in ${other.file} too`;
        errors.push({ file, line: lineNaming(text, model.id), message });
      }
    }
  }
  return { dags, errors };
}
