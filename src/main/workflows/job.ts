import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { LocalJobRunner } from "#workflows/remote/job-runner.ts";
import { runRemoteJob } from "#workflows/remote/remote-job.ts";
import { stopSignal } from "#main/process/stop-signal.ts";
import { workerArguments } from "./worker-arguments.ts";

/** Variables that only this process is to know, not the task that it runs. */
const ownVariables = ["GANTRY_WORKER_TOKEN", "GANTRY_WORKER_URL", "GANTRY_WORKER_CA"];

/**
 * This process as the worker of one try of a task, in a pod: takes the job that the environment
 * names, runs it, and ends when its result is stored.
 */
export async function workflowJob(): Promise<void> {
  const [token, url, certificateAuthority] = ownVariables.map((it) => process.env[it]);
  if (token === undefined || url === undefined) {
    throw new Error("workflow-job runs in pods that the Kubernetes executor makes: no token here");
  }
  using stop = stopSignal();
  const environment = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || ownVariables.includes(name) ? [] : [[name, value] as const],
  );
  const command = {
    program: process.execPath,
    args: workerArguments(),
    cwd: process.cwd(),
    environment: Object.fromEntries(environment),
  };
  await using runner = new LocalJobRunner({ parallelism: 1, command }, systemClock);
  // It starts while the connection comes about.
  runner.warm(1);
  const codeFolder = join(tmpdir(), `gantry-code-${process.pid}`);
  const schedulers = [{ url, certificateAuthority }];
  const options = { token, schedulers, worker: hostname(), codeFolder };
  const refusal = await runRemoteJob(options, { clock: systemClock, runner }, stop.signal);
  if (refusal === undefined) return;
  process.stderr.write(`the task is not run: ${refusal}\n`);
  process.exitCode = 1;
}
