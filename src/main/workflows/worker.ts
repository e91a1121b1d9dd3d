import { systemClock } from "#base/clock.ts";
import { runWorker } from "#workflows/worker/worker.ts";

/** This process as a worker of a scheduler, which has started it. */
export async function workflowWorker(): Promise<void> {
  await runWorker({
    clock: systemClock,
    environment: ownEnvironment(),
    fetch: (address, init) => fetch(address, init),
  });
}

/** The variables of this process. */
export function ownEnvironment(): Record<string, string> {
  const set = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(set);
}
