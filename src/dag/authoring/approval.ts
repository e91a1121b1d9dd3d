import { durationMs, type Duration } from "#dag/model/duration.ts";
import type { TaskOptions } from "./options.ts";
import type { Input, Output } from "./output.ts";
import { operatorTask } from "./task.ts";

interface AskOptions extends TaskOptions {
  /** What people are asked, in a line; a template. */
  readonly subject: Input<string>;
  /** More about it; a template. */
  readonly body?: Input<string>;
  /** How long they are waited for; for ever when left out. */
  readonly timeout?: Duration;
}

export interface ApprovalOptions extends AskOptions {
  /** What counts when nobody answers in time; without it the task fails then. */
  readonly default?: "Approve" | "Reject";
  /** Fails when it is rejected; otherwise everything after it is skipped. */
  readonly failOnReject?: boolean;
}

export interface ChoiceOptions extends AskOptions {
  readonly options: readonly string[];
  /** What counts when nobody answers in time; without it the task fails then. */
  readonly defaults?: readonly string[];
  /** Whether several may be chosen. */
  readonly multiple?: boolean;
}

export interface Chosen {
  readonly chosenOptions: readonly string[];
  readonly by: string | null;
}

/** Waits, without a worker, until somebody approves; Airflow's ApprovalOperator. */
export function approval(id: string, given: ApprovalOptions): Output<Chosen> {
  const { subject, body, timeout, default: fallback, failOnReject, ...options } = given;
  const defaults = fallback === undefined ? undefined : [fallback];
  const asked = { subject, body, timeoutMs: optionalMs(timeout), defaults };
  return operatorTask("approval", id, {
    arguments: { ...asked, failOnReject, isApproval: true },
    options,
  });
}

/** Waits, without a worker, until somebody chooses; Airflow's HITLOperator. */
export function choice(id: string, given: ChoiceOptions): Output<Chosen> {
  const { subject, body, timeout, options: choices, defaults, multiple, ...options } = given;
  const asked = { subject, body, timeoutMs: optionalMs(timeout), defaults };
  return operatorTask("approval", id, {
    arguments: { ...asked, options: choices, multiple },
    options,
  });
}

function optionalMs(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}
