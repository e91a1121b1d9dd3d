import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Json } from "#api/object.ts";
import { FailError } from "#dag/authoring/context.ts";
import type { Connection } from "#dag/connection/connection.ts";
import { lengthOf } from "#dag/run/expansion.ts";
import { objectPath } from "#workflows/objects/object-path.ts";
import {
  objectSizeMax,
  type ObjectPorts,
  type ObjectStore,
} from "#workflows/objects/object-store.ts";
import { openObjectStore } from "#workflows/objects/open-object-store.ts";
import { outputSizeMax } from "#workflows/state/outputs.ts";
import type { Ask } from "./ask.ts";
import { hideSecrets } from "./context.ts";
import type { HandedOn, Job, OutputAnswer, Question, VariableAnswer } from "./protocol.ts";
import type { TaskLog } from "./task-log.ts";

export interface StoredOutputsPorts extends Pick<ObjectPorts, "clock" | "fetch" | "environment"> {
  readonly ask: Ask;
  readonly log: TaskLog;
}

/**
 * What a task asks of the scheduler, as the task is to see it: values in place of the objects that hold
 * large ones, and texts of secrets, which are masked in its log from then on.
 */
export class StoredOutputs {
  readonly #job: Job;
  readonly #ports: StoredOutputsPorts;
  readonly #signal: AbortSignal;
  #store: Promise<ObjectStore> | undefined;
  #count = 0;

  constructor(job: Job, ports: StoredOutputsPorts, signal: AbortSignal) {
    this.#job = job;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** Asks as the task would, with values in place of objects. */
  readonly ask = async (question: Question): Promise<Json> => {
    if (question.kind === "output") {
      return await this.#read((await this.#ports.ask(question)) as OutputAnswer);
    }
    if (question.kind === "variable") {
      return this.#masked((await this.#ports.ask(question)) as VariableAnswer);
    }
    const handedOn = question.kind === "push" ? await this.put(question.value) : {};
    return await this.#ports.ask({ ...question, ...handedOn });
  };

  /** @throws {FailError} for more than may be handed on. */
  async put(value: Json): Promise<HandedOn> {
    const { objects } = this.#job;
    const text = Buffer.from(JSON.stringify(value));
    if (objects === undefined || text.length < objects.threshold) {
      if (text.length <= outputSizeMax) return { value };
      throw new FailError(
        `the result has ${text.length} bytes, of which at most ${outputSizeMax} are handed on; store it elsewhere and return where, or set AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH`,
      );
    }
    if (text.length > objectSizeMax) {
      throw new FailError(
        `the result has ${text.length} bytes; at most ${objectSizeMax} are stored`,
      );
    }
    this.#count += 1;
    const path = objectPath(objects, this.#job, `${this.#job.attempt}-${this.#count}`);
    const bytes = objects.compression === undefined ? text : await promisify(gzip)(text);
    await (await this.#open(path)).put(path, bytes, this.#signal);
    return { value: path, object: { path, length: lengthOf(value) } };
  }

  #masked(answer: VariableAnswer): string | null {
    if (answer === null || typeof answer === "string") return answer;
    this.#ports.log.addSecret(answer.secret);
    return answer.secret;
  }

  async #read(answer: OutputAnswer): Promise<Json> {
    switch (answer.kind) {
      case "value":
        return answer.value;
      case "object":
        return await this.#get(answer.path);
      case "all": {
        const values: Json[] = [];
        for (const it of answer.values) values.push(await this.#read(it));
        return values;
      }
    }
  }

  async #get(path: string): Promise<Json> {
    const bytes = await (await this.#open(path)).get(path, this.#signal);
    const text = path.endsWith(".gz")
      ? await promisify(gunzip)(bytes, { maxOutputLength: objectSizeMax })
      : bytes;
    return JSON.parse(text.toString("utf8")) as Json;
  }

  async #open(path: string): Promise<ObjectStore> {
    const { ask, log } = this.#ports;
    const connection = async (id: string): Promise<Connection | undefined> => {
      const found = await ask({ kind: "connection", id });
      hideSecrets(log, { kind: "connection", id }, found);
      return found === null ? undefined : (found as object as Connection);
    };
    this.#store ??= openObjectStore(path, { ...this.#ports, connection });
    return await this.#store;
  }
}
