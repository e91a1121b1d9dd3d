import type { Clock } from "#base/clock.ts";
import type { BuildProgress, StepProgress } from "#build/engine/progress.ts";

/** A step as a display shows it. */
export interface ShownStep {
  readonly number: number;
  readonly title: string;
  readonly startedAt: number;
  /** By the clock that does not jump. */
  endedAt: number | undefined;
  outcome: "running" | "done" | "cached" | "failed";
  /** The last lines of what it printed; the very last may go on. */
  readonly lines: string[];
}

/** Lines of a step's output that are kept for the display and for errors. */
const linesMax = 40;
/** Longer lines are cut. */
const lineLengthMax = 4_096;

/** What is told of the steps. */
export interface StepListener {
  started(step: ShownStep): void;
  /** A line of its output that is whole. */
  printed(step: ShownStep, line: string): void;
  ended(step: ShownStep): void;
  warned(message: string): void;
}

/** Keeps book of the steps of a build, for any display. */
export class StepBook implements BuildProgress {
  readonly steps: ShownStep[] = [];
  readonly #clock: Clock;
  readonly #listener: StepListener;

  constructor(clock: Clock, listener: StepListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** The output of the step that failed; undefined when none has. */
  get failed(): ShownStep | undefined {
    return this.steps.find((it) => it.outcome === "failed");
  }

  warn(message: string): void {
    this.#listener.warned(message);
  }

  step(title: string): StepProgress {
    const step: ShownStep = {
      number: this.steps.length + 1,
      title: title.replaceAll(/\s+/g, " "),
      startedAt: this.#clock.monotonic(),
      endedAt: undefined,
      outcome: "running",
      lines: [],
    };
    this.steps.push(step);
    this.#listener.started(step);
    let rest = "";
    const end = (outcome: ShownStep["outcome"]): void => {
      if (rest !== "") this.#print(step, rest);
      step.outcome = outcome;
      step.endedAt = this.#clock.monotonic();
      this.#listener.ended(step);
    };
    return {
      log: (chunk) => {
        const lines = `${rest}${chunk}`.split(/\r?\n/);
        rest = (lines.pop() ?? "").slice(-lineLengthMax);
        for (const line of lines) this.#print(step, line);
      },
      cached: () => {
        end("cached");
      },
      done: () => {
        end("done");
      },
      fail: () => {
        end("failed");
      },
    };
  }

  #print(step: ShownStep, text: string): void {
    // A progress bar draws its line anew behind each carriage return.
    const line = (text.split("\r").at(-1) ?? "").slice(0, lineLengthMax);
    step.lines.push(line);
    if (step.lines.length > linesMax) step.lines.shift();
    this.#listener.printed(step, line);
  }
}

/** `1.2s`, `3m05s` */
export function formatSeconds(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  return `${Math.floor(seconds / 60)}m${String(Math.floor(seconds % 60)).padStart(2, "0")}s`;
}
