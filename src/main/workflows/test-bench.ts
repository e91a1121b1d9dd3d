import { systemClock } from "#base/clock.ts";
import type { BenchPorts } from "#workflows/verbs/test-bench.ts";
import type { VerbSession } from "#workflows/verbs/session.ts";
import { stopSignal } from "#main/process/stop-signal.ts";
import { ignoreSyntax, workerCommand, workflowPlaces, type WorkflowWhere } from "./installation.ts";
import { inWorkflowSession } from "./session.ts";
import { ownEnvironment } from "./worker.ts";

/** Lets a verb try DAGs out in this process. The exit code says whether it succeeded. */
export async function onTestBench(
  where: WorkflowWhere,
  act: (session: VerbSession, ports: BenchPorts, signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const places = workflowPlaces(where);
  const write = process.stdout.write.bind(process.stdout);
  const ports: BenchPorts = {
    dagsFolder: places.dagsFolder,
    ignoreSyntax: ignoreSyntax(),
    clock: systemClock,
    worker: workerCommand(places),
    write: (lines) => {
      write(lines);
    },
    world: {
      clock: systemClock,
      environment: { ...ownEnvironment(), GANTRY_KUBECONFIG: places.kubeconfig },
      fetch: (address, init) => fetch(address, init),
    },
  };
  using stop = stopSignal();
  await inWorkflowSession(where, async (session) => {
    if (!(await act(session, ports, stop.signal))) process.exitCode = 1;
  });
}
