import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { FailError, SkipError, type TaskContext } from "#dag/authoring/context.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import type { CallbackName } from "#dag/model/model.ts";
import { operators } from "#workflows/operators/list.ts";
import {
  Reschedule,
  type Operator,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { textOf, toValue } from "#dag/template/values.ts";
import type { Ask } from "./ask.ts";
import { hideSecrets, taskContext } from "./context.ts";
import {
  onKill,
  type AttemptResult,
  type HandedOn,
  type Job,
  type JobCallback,
} from "./protocol.ts";
import { failureText } from "./failure-text.ts";
import { StoredOutputs } from "./stored-outputs.ts";
import type { TaskLog } from "./task-log.ts";
import { MadeAssets } from "./made-assets.ts";
import { fillIn, resolveInput } from "./render-arguments.ts";
import { Templates } from "./templates.ts";

/** Where this program's code is, bundled or not. */
const program = import.meta.url.replace(/(?:workflows\/worker\/)?[^/]*$/, "");

export interface JobPorts {
  readonly ask: Ask;
  readonly log: TaskLog;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string>>;
  readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
  /** The DAG as its file declares it; undefined for one without code. */
  loadDag(): Promise<Dag | undefined>;
}

/** Runs one try of a task, with its callbacks. Never throws: a failure is a result. */
export async function runJob(
  job: Job,
  given: JobPorts,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { log } = given;
  const outputs = new StoredOutputs(job, given, signal);
  const ports = { ...given, ask: outputs.ask };
  const { callback } = job;
  if (callback !== undefined) {
    log.line("INFO", `calls ${callback.name} of the ${callback.ofDag ? "DAG" : "task"}`);
  } else
    log.line("INFO", `starts try ${job.tryNumber} of ${job.maxTries + 1}, attempt ${job.attempt}`);
  const templates = new Templates(job, ports.clock.now(), async (lookup) => {
    const value = await ports.ask(lookup);
    hideSecrets(log, lookup, value);
    return value;
  });
  const made = new MadeAssets();
  const context = taskContext(job, {
    made,
    ask: ports.ask,
    log,
    signal,
    render: async (template) => textOf(toValue(await templates.render(template))),
  });
  if (job.callback !== undefined)
    return await runCallback(job.callback, job, { context, templates, ...ports });
  let dag: Dag | undefined;
  let result: AttemptResult;
  let failure: unknown;
  try {
    dag = await ports.loadDag();
    await callBack(dag, "onExecute", { job, context, log, error: undefined });
    result = await execute(job, context, { ...ports, dag, templates, outputs, made });
  } catch (error) {
    // Of a task that was ended, what it threw then says less than why.
    failure = signal.aborted ? signal.reason : error;
    result = resultOfError(failure);
    if (result.kind === "failed") log.line("ERROR", failureText(failure, program));
    else log.line("INFO", describeError(failure));
  }
  const error = failure instanceof Error ? failure : undefined;
  const name = callbackFor(result, job);
  if (name !== undefined) await callBack(dag, name, { job, context, log, error });
  log.line("INFO", `ended: ${result.kind}`);
  return result;
}

async function execute(
  job: Job,
  context: TaskContext,
  ports: JobPorts & {
    readonly dag: Dag | undefined;
    readonly templates: Templates;
    readonly made: MadeAssets;
    readonly outputs: StoredOutputs;
  },
): Promise<AttemptResult> {
  const operator = operators.get(job.task.operator);
  if (operator === undefined) throw new FailError(`unknown operator '${job.task.operator}'`);
  const result = await operator.execute(await callOf(operator, job, context, ports));
  context.signal.throwIfAborted();
  const fields = await resultFields(job, result, ports.outputs);
  return { kind: "success", ...fields, made: ports.made.all };
}

async function callOf(
  operator: Operator,
  job: Job,
  context: TaskContext,
  ports: JobPorts & { readonly dag: Dag | undefined; readonly templates: Templates },
): Promise<OperatorCall> {
  return {
    input: await fillIn(operator, await resolveInput(job, ports.ask), job, ports.templates),
    context,
    job,
    run: ports.dag?.functions.get(job.taskId),
    ask: ports.ask,
    log: ports.log,
    clock: ports.clock,
    environment: ports.environment,
    fetch: ports.fetch,
  };
}

async function resultFields(
  job: Job,
  result: OperatorResult,
  stored: StoredOutputs,
): Promise<Omit<Extract<AttemptResult, { readonly kind: "success" }>, "kind">> {
  const { value } = result;
  const outputs: (HandedOn & { readonly name: string })[] = [];
  if (job.task.pushesOutput && value !== undefined) {
    const json = toJson(value);
    outputs.push({ name: "return_value", ...(await stored.put(json)) });
    if (job.task.multipleOutputs && typeof json === "object" && json !== null) {
      for (const [name, it] of Object.entries(json)) {
        outputs.push({ name, ...(await stored.put(it ?? null)) });
      }
    }
  }
  return { outputs, followed: result.followed, stopped: result.stopped };
}

/** @throws {FailError} for what JSON cannot hold. */
export function toJson(value: unknown): Json {
  let text: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new FailError(`the result is not JSON: ${describeError(error)}`);
  }
  if (typeof text !== "string") {
    throw new FailError(`the result is a ${typeof value}, which JSON has not`);
  }
  return JSON.parse(text) as Json;
}

function resultOfError(error: unknown): AttemptResult {
  if (error instanceof Reschedule) return { kind: "reschedule", at: error.at };
  if (error instanceof SkipError) return { kind: "skipped", reason: error.message };
  return { kind: "failed", error: describeError(error), retry: !(error instanceof FailError) };
}

function callbackFor(result: AttemptResult, job: Job): CallbackName | undefined {
  switch (result.kind) {
    case "success":
      return "onSuccess";
    case "skipped":
      return "onSkipped";
    case "reschedule":
    case "lost":
      return undefined;
    case "failed":
      return result.retry && job.tryNumber <= job.maxTries ? "onRetry" : "onFailure";
  }
}

/** Calls a callback of the DAG, or of a task whose worker was killed, or ends what that has left. */
async function runCallback(
  { name, error, ofDag, deadline }: JobCallback,
  job: Job,
  ports: JobPorts & { readonly context: TaskContext; readonly templates: Templates },
): Promise<AttemptResult> {
  const { log, context } = ports;
  try {
    if (name === onKill) {
      const operator = operators.get(job.task.operator);
      const own = { ...ports, dag: undefined };
      await operator?.kill?.(await callOf(operator, job, context, own));
      return { kind: "success", outputs: [] };
    }
    const dag = await ports.loadDag();
    const callback =
      name === "onDeadline"
        ? dag?.deadlineCallback(deadline?.position ?? 0)
        : dag?.callback(name, ofDag ? undefined : job.taskId);
    await callback?.({
      ...context,
      error: error === undefined ? undefined : new Error(error),
      deadline: deadline === undefined ? undefined : new Date(deadline.at),
    });
  } catch (failure) {
    log.line("ERROR", `${name} failed: ${failureText(failure, program)}`);
  }
  return { kind: "success", outputs: [] };
}

async function callBack(
  dag: Dag | undefined,
  name: CallbackName,
  at: {
    readonly job: Job;
    readonly context: TaskContext;
    readonly log: TaskLog;
    readonly error: Error | undefined;
  },
): Promise<void> {
  const callback = dag?.callback(name, at.job.taskId);
  if (callback === undefined) return;
  try {
    await callback({ ...at.context, error: at.error });
  } catch (error) {
    at.log.line("ERROR", `${name} failed: ${failureText(error, program)}`);
  }
}
