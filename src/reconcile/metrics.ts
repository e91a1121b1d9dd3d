import type { QueueObserver } from "./workqueue.ts";

/** What the reconcile loops report. Implemented by whoever exports metrics. */
export interface ReconcileMetrics {
  queue(controller: string): QueueObserver;
  reconciled(controller: string, outcome: "ok" | "requeue" | "error", durationMs: number): void;
}

/** For those who do not want to hear. */
export const noMetrics: ReconcileMetrics = {
  queue: () => ({ added: () => undefined, taken: () => undefined }),
  reconciled: () => undefined,
};
