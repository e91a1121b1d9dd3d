import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { keepRunning, runOwnProgram } from "#main/process/child-program.ts";
import type { Paths } from "#main/process/paths.ts";

/** Where the scheduler of workflows logs, in the workflows' folder. */
export const schedulerLogName = "scheduler.log";

/** What the scheduler's process says when it serves; `api` is the address of its REST API. */
export interface SchedulerReport {
  readonly kind: "serving";
  readonly pid: number;
  readonly api: string | null;
  /** The folder of DAGs. */
  readonly dags: string;
}

/**
 * Runs the scheduler of workflows as a process of its own, so that neither its load nor its end
 * touches the cluster, again whenever it ends, until the signal aborts.
 */
export async function runWorkflows(
  options: {
    readonly paths: Paths;
    readonly port: number;
    readonly clock: Clock;
    readonly log: Logger;
    readonly told: (report: SchedulerReport) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { paths, port, clock, told } = options;
  const log = options.log.with({ component: "workflows" });
  const args = ["scheduler", "--data-dir", paths.data, "--api-port", String(port)];
  // Workers are started when there is work.
  args.push("--warm-workers", "0", "--api-optional");
  const logFile = join(paths.workflows, schedulerLogName);
  const onMessage = (message: unknown): void => {
    if (isReport(message)) told(message);
  };
  await keepRunning(
    clock,
    async () => {
      try {
        mkdirSync(paths.workflows, { recursive: true, mode: 0o700 });
        const code = await runOwnProgram(args, { logFile, onMessage }, signal);
        log.info("the scheduler of workflows ended", { code: String(code) });
      } catch (error) {
        log.error("the scheduler of workflows did not start", { error: error as Error });
      }
    },
    signal,
  );
}

function isReport(message: unknown): message is SchedulerReport {
  return typeof message === "object" && message !== null && "kind" in message;
}
