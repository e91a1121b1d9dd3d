import type { Json } from "#api/object.ts";
import { environmentConnection, environmentVariable } from "#dag/connection/environment.ts";
import { findConnection } from "#workflows/state/connections.ts";
import { outputSizeMax, outputsOf, saveOutput } from "#workflows/state/outputs.ts";
import { findVariable, saveVariable } from "#workflows/state/variables.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { findRun } from "#workflows/state/runs.ts";
import type { Vault } from "#workflows/state/vault.ts";
import type { TaskModel } from "#dag/model/model.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import type { Job, Question } from "#workflows/worker/protocol.ts";
import type { Clock } from "#base/clock.ts";
import type { Database } from "#sql/database.ts";
import { isLatest, statesAt } from "./other-runs.ts";
import { askPeople } from "./approvals.ts";
import { triggerRun } from "./trigger-run.ts";

/** What answers are taken from. The environment goes before the database, as in Airflow. */
export interface AnswerPorts {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Answers a running task. @throws {Error} with what the task is to be told. */
export async function answer(ports: AnswerPorts, job: Job, question: Question): Promise<Json> {
  const { database, vault, clock, environment } = ports;
  switch (question.kind) {
    case "output":
      return await findOutput(database, job, question);
    case "push":
      checkSize(question.value);
      await saveOutput(database, { ...job, name: question.name }, question.value, clock.now());
      return null;
    case "variable":
      return (
        environmentVariable(environment, question.key) ??
        (await findVariable(database, vault, question.key)) ??
        null
      );
    case "set-variable":
      await saveVariable(database, vault, {
        name: question.key,
        value: question.value,
        description: undefined,
      });
      return null;
    case "connection": {
      const { id } = question;
      const found =
        environmentConnection(environment, id) ?? (await findConnection(database, vault, id));
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

function checkSize(value: Json): void {
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size > outputSizeMax) {
    throw new Error(`the value has ${size} bytes, of which at most ${outputSizeMax} are handed on`);
  }
}

async function findOutput(
  database: Database,
  job: Job,
  question: Extract<Question, { readonly kind: "output" }>,
): Promise<Json> {
  const { taskId, name, mapIndex } = question;
  const values = await outputsOf(database, job, taskId, name);
  if (mapIndex === undefined && (await isBeside(database, job, taskId))) {
    return values.find((it) => it.mapIndex === job.mapIndex)?.value ?? null;
  }
  if (mapIndex !== undefined) return values.find((it) => it.mapIndex === mapIndex)?.value ?? null;
  const [only] = values;
  if (only?.mapIndex === -1) return only.value;
  if (values.length > 0) return values.map((it) => it.value);
  return (await isMapped(database, job, taskId)) ? [] : null;
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
