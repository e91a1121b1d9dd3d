import { systemClock } from "#base/clock.ts";
import { runWorker } from "#workflows/worker/worker.ts";

/** This process as a worker of a scheduler, which has started it. */
export async function workflowWorker(): Promise<void> {
  const environment = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  await runWorker({
    clock: systemClock,
    environment: Object.fromEntries(environment),
    fetch: (address, init) => fetch(address, init),
  });
}
