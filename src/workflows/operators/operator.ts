import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { TaskContext } from "#dag/authoring/context.ts";
import type { TaskFunction } from "#dag/authoring/draft.ts";
import type { Ask } from "#workflows/worker/ask.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import type { TaskLog } from "#workflows/worker/task-log.ts";

/** One task at work. */
export interface OperatorCall {
  /** The task's arguments: outputs and templates filled in. */
  readonly input: Readonly<Record<string, Json>>;
  readonly context: TaskContext;
  readonly job: Job;
  /** The author's function, where the task has one. */
  readonly run: TaskFunction | undefined;
  readonly ask: Ask;
  readonly log: TaskLog;
  readonly clock: Clock;
  /** Of the worker. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sends requests. */
  readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
}

/** What an operator gives back; a value that is undefined is not handed on. */
export interface OperatorResult {
  readonly value?: unknown;
  readonly followed?: readonly string[];
  readonly stopped?: boolean;
}

/** Does the work of one kind of task. What it throws is the task's failure. */
export interface Operator {
  /** Arguments that are templates. */
  readonly templated: readonly string[];
  /** A text with one of these endings, in such an argument, names a file with the template. */
  readonly templateEndings?: readonly string[];
  execute(call: OperatorCall): Promise<OperatorResult>;
  /**
   * Ends what tries of the task, up to the job's, have left running elsewhere. For operators of
   * {@link leavesBehind}; called when their worker cannot do it.
   */
  kill?(call: OperatorCall): Promise<void>;
}

/** Ends this try as waiting: it is started again at `at`, milliseconds since the epoch. */
export class Reschedule extends Error {
  override readonly name = "Reschedule";
  readonly at: number;

  constructor(at: number) {
    super("waits for its next look");
    this.at = at;
  }
}

/** An argument that must be text. @throws {Error} naming it. */
export function requiredText(call: OperatorCall, name: string): string {
  const value = call.input[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`argument '${name}' must be a text, found ${JSON.stringify(value ?? null)}`);
}

/** An argument that may be left out. */
export function optionalText(call: OperatorCall, name: string): string | undefined {
  return call.input[name] == null ? undefined : requiredText(call, name);
}

/** An argument that is a text or a list of texts; empty when it is left out. @throws {Error} naming it. */
export function textsOf(call: OperatorCall, name: string): readonly string[] {
  const value = call.input[name] ?? [];
  return (Array.isArray(value) ? value : [value]).map((it) => {
    if (typeof it === "string") return it;
    throw new Error(`argument '${name}' must be texts, found ${JSON.stringify(it)}`);
  });
}
