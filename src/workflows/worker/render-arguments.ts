import type { Json } from "#api/object.ts";
import {
  outputReferences,
  resolveReferences,
  valueAt,
  type OutputReference,
  type Resolution,
  type TaskModel,
} from "#dag/model/model.ts";
import { expandedArguments } from "#dag/run/expansion.ts";
import { operators } from "#workflows/operators/list.ts";
import type { Operator } from "#workflows/operators/operator.ts";
import type { Ask } from "./ask.ts";
import type { Job } from "./protocol.ts";
import { loadTemplates } from "./side-files.ts";
import { Templates } from "./templates.ts";

/** The arguments of a task that are templates, as a job would get them. */
export async function renderedArguments(
  job: Job,
  now: number,
  ask: Ask,
): Promise<Record<string, Json>> {
  const operator = operators.get(job.task.operator);
  if (operator === undefined) throw new Error(`unknown operator '${job.task.operator}'`);
  const templates = new Templates(job, now, ask);
  const filled = await fillIn(operator, await resolveInput(job, ask), job, templates);
  const names = operator.templated.filter((it) => filled[it] !== undefined);
  return Object.fromEntries(names.map((it) => [it, filled[it] ?? null]));
}

/** The arguments that are templates, filled in. */
export async function fillIn(
  operator: Operator,
  input: Readonly<Record<string, Json>>,
  job: Job,
  templates: Templates,
): Promise<Record<string, Json>> {
  const filled = { ...input };
  for (const name of operator.templated) {
    const value = filled[name];
    if (value === undefined) continue;
    const rendered = await templates.render({ [name]: loadTemplates(value, job.code) });
    Object.assign(filled, rendered);
  }
  return filled;
}

/** The arguments, with what other tasks handed on in place of the references. */
export async function resolveInput(job: Job, ask: Ask): Promise<Record<string, Json>> {
  const { task } = job;
  const found = new Map<string, Json>();
  const references = [...outputReferences(task.arguments), ...outputReferences(task.expand?.over)];
  for (const reference of references) {
    const key = keyOf(reference);
    if (found.has(key)) continue;
    const { task: taskId, key: name } = reference;
    found.set(key, await ask({ kind: "output", taskId, name, mapIndex: undefined }));
  }
  const output = (it: OutputReference): Json => valueAt(found.get(keyOf(it)) ?? null, it.path);
  const by = { output, params: job.run.params };
  const mapped = job.mapIndex < 0 ? {} : mappedArguments(task, by, job.mapIndex);
  if (task.mappedGroup === undefined) {
    return { ...(resolveReferences(task.arguments, by) as Record<string, Json>), ...mapped };
  }
  return resolveReferences(task.arguments, { ...by, elements: mapped }) as Record<string, Json>;
}

/** What an instance, or its group's repetition, is mapped to. */
function mappedArguments(
  { expand }: TaskModel,
  by: Resolution,
  mapIndex: number,
): Record<string, Json> {
  if (expand === undefined) return {};
  const values = resolveReferences({ ...expand.over }, by) as Record<string, Json>;
  return expandedArguments(expand, values, mapIndex);
}

function keyOf({ task, key }: OutputReference): string {
  return JSON.stringify([task, key]);
}
