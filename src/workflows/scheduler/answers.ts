import type { Json } from "#api/object.ts";
import { isOwnObject } from "#workflows/objects/object-path.ts";
import {
  outputSizeMax,
  outputsOf,
  saveOutput,
  type StoredOutput,
} from "#workflows/state/outputs.ts";
import { saveVariable } from "#workflows/state/variables.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { findRun } from "#workflows/state/runs.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import type { HandedOn, Job, OutputAnswer, Question } from "#workflows/worker/protocol.ts";
import type { Clock } from "#base/clock.ts";
import type { Database } from "#sql/database.ts";
import { lookUpConnection, lookUpVariable, type LookUpPorts } from "./look-up.ts";
import { isLatest, statesAt } from "./other-runs.ts";
import { askPeople } from "./approvals.ts";
import { triggerRun } from "./trigger-run.ts";

/** What answers are taken from. */
export interface AnswerPorts extends LookUpPorts {
  readonly clock: Clock;
}

/** Answers a running task. @throws {Error} with what the task is to be told. */
export async function answer(ports: AnswerPorts, job: Job, question: Question): Promise<Json> {
  const { database, vault, clock } = ports;
  switch (question.kind) {
    case "output":
      return { ...(await findOutput(database, job, question)) };
    case "push": {
      const { name, value, object } = question;
      checkHandedOn(job, question);
      await saveOutput(database, { ...job, name }, { value, object }, clock.now());
      return null;
    }
    case "variable":
      return await lookUpVariable(ports, question.key);
    case "set-variable":
      await saveVariable(database, vault, {
        name: question.key,
        value: question.value,
        description: undefined,
      });
      return null;
    case "connection": {
      const found = await lookUpConnection(ports, question.id);
      return found === undefined ? null : { ...found };
    }
    case "states":
      return [...(await statesAt(database, question))];
    case "latest":
      return await isLatest(database, job, clock.now());
    case "approval":
      return await askPeople(database, job, question, clock.now());
    case "trigger": {
      const { dagId, runId, conf } = question;
      const date = question.logicalDate;
      const logicalDate = date === undefined ? undefined : parseMoment(date, "UTC");
      const given = { dagId, runId, conf: conf as Record<string, Json>, logicalDate };
      return await triggerRun(database, given, clock.now());
    }
  }
}

/** @throws {Error} for a value that is too large, or an object that cannot be this task's. */
function checkHandedOn(job: Job, { value, object }: HandedOn): void {
  if (object !== undefined && (!job.objects || !isOwnObject(job.objects, job, object.path))) {
    throw new Error(`${object.path} is not the place of an output of this task`);
  }
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size > outputSizeMax) {
    throw new Error(`the value has ${size} bytes, of which at most ${outputSizeMax} are handed on`);
  }
}

async function findOutput(
  database: Database,
  job: Job,
  question: Extract<Question, { readonly kind: "output" }>,
): Promise<OutputAnswer> {
  const { taskId, name } = question;
  const values = await outputsOf(database, job, taskId, name);
  const isOfOne = question.mapIndex !== undefined || (await isBeside(database, job, taskId));
  if (isOfOne) {
    const mapIndex = question.mapIndex ?? job.mapIndex;
    return outputAnswer(values.find((it) => it.mapIndex === mapIndex));
  }
  const [only] = values;
  if (only?.mapIndex === -1) return outputAnswer(only);
  if (values.length > 0) return { kind: "all", values: values.map(outputAnswer) };
  const value = (await isMapped(database, job, taskId)) ? [] : null;
  return { kind: "value", value };
}

function outputAnswer(output: StoredOutput | undefined): OutputAnswer {
  if (output?.object !== undefined) return { kind: "object", path: output.object.path };
  return { kind: "value", value: output?.value ?? null };
}

/** Whether a task is in the same repetition of a mapped group as the one that asks. */
async function isBeside(database: Database, job: Job, taskId: string): Promise<boolean> {
  const { mappedGroup } = job.task;
  if (mappedGroup === undefined || job.mapIndex < 0) return false;
  return (await findTask(database, job, taskId))?.mappedGroup === mappedGroup;
}

async function isMapped(database: Database, job: Job, taskId: string): Promise<boolean> {
  return (await findTask(database, job, taskId))?.expand !== undefined;
}

async function findTask(
  database: Database,
  job: Job,
  taskId: string,
): Promise<TaskModel | undefined> {
  const run = await findRun(database, job);
  const version = run && (await findVersion(database, run.dagId, run.version));
  return version?.model.tasks.find((it) => it.id === taskId);
}
