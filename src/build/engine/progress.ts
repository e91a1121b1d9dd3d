/** Who shows what a build does. */
export interface BuildProgress {
  /** A step begins. @param title as the user wrote it. */
  step(title: string): StepProgress;
  /** Something that is wrong and not an error. */
  warn(message: string): void;
}

/** One of {@link cached}, {@link done} and {@link fail} ends it. */
export interface StepProgress {
  /** What a command printed, as it came. */
  log(chunk: string): void;
  cached(): void;
  done(): void;
  fail(error: unknown): void;
}

export const silentProgress: BuildProgress = {
  step: () => ({
    log: () => undefined,
    cached: () => undefined,
    done: () => undefined,
    fail: () => undefined,
  }),
  warn: () => undefined,
};
