import type { Clock } from "#base/clock.ts";
import { formatSeconds, type ShownStep, type StepListener } from "./steps.ts";

/** For logs: a line for every event, in its order. */
export function plainListener(clock: Clock, write: (line: string) => void): StepListener {
  function since(step: ShownStep, to: number): string {
    return formatSeconds(to - step.startedAt);
  }
  return {
    started: (step) => {
      write(`#${step.number} ${step.title}`);
    },
    printed: (step, line) => {
      const seconds = ((clock.monotonic() - step.startedAt) / 1000).toFixed(3);
      write(`#${step.number} ${seconds} ${line}`);
    },
    ended: (step) => {
      const words = { running: "", done: "DONE", cached: "CACHED", failed: "ERROR" };
      const time =
        step.outcome === "cached" ? "" : ` ${since(step, step.endedAt ?? step.startedAt)}`;
      write(`#${step.number} ${words[step.outcome]}${time}`);
    },
    warned: (message) => {
      write(`warning: ${message}`);
    },
  };
}
