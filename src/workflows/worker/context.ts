import type { Json } from "#api/object.ts";
import type { TaskContext } from "#dag/authoring/context.ts";
import type { Connection } from "#dag/connection/connection.ts";
import type { Lookup } from "#dag/template/context.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import type { Ask } from "./ask.ts";
import type { MadeAssets } from "./made-assets.ts";
import type { Job } from "./protocol.ts";
import { isSensitive, type TaskLog } from "./task-log.ts";

/** What a task's context reaches out to. */
export interface ContextPorts {
  readonly ask: Ask;
  readonly log: TaskLog;
  readonly signal: AbortSignal;
  render(template: string): Promise<string>;
  readonly made: MadeAssets;
}

export function taskContext(job: Job, ports: ContextPorts): TaskContext {
  const { run } = job;
  const ts = formatMoment(run.logicalDate);
  return {
    dagId: job.dagId,
    taskId: job.taskId,
    runId: job.runId,
    runType: run.runType,
    mapIndex: job.mapIndex,
    tryNumber: job.tryNumber,
    logicalDate: new Date(run.logicalDate),
    dataIntervalStart: new Date(run.intervalStart),
    dataIntervalEnd: new Date(run.intervalEnd),
    ds: ts.slice(0, 10),
    ts,
    params: run.params,
    conf: run.conf,
    triggeringAssetEvents: assetEventsOf(run),
    assetMade: (...given) => {
      ports.made.add(job.task, ...given);
    },
    signal: ports.signal,
    log: (...values) => {
      ports.log.values("INFO", values);
    },
    variables: {
      get: async (key, fallback) => await variable(ports, key, fallback),
      json: async (key, fallback) => {
        const text = await variable(ports, key, JSON.stringify(fallback));
        return JSON.parse(text) as Json;
      },
      set: async (key, value) => {
        await ports.ask({ kind: "set-variable", key, value });
      },
    },
    connections: { get: async (id) => await connection(ports, id) },
    outputs: {
      pull: async (taskId, key = "return_value", mapIndex) =>
        await ports.ask({ kind: "output", taskId, name: key, mapIndex }),
      push: async (key, value) => {
        await ports.ask({ kind: "push", name: key, value });
      },
    },
    render: (template) => ports.render(template),
  };
}

function assetEventsOf({ assetEvents = [] }: Job["run"]): TaskContext["triggeringAssetEvents"] {
  const views = assetEvents.map(({ asset, at, extra, source }) => ({
    ...{ asset, view: { timestamp: new Date(at), extra, source } },
  }));
  const byAsset = Map.groupBy(views, (it) => it.asset);
  return Object.fromEntries([...byAsset].map(([name, its]) => [name, its.map((it) => it.view)]));
}

async function variable(
  { ask, log }: ContextPorts,
  key: string,
  fallback: string | undefined,
): Promise<string> {
  const value = await ask({ kind: "variable", key });
  hideSecrets(log, { kind: "variable", key }, value);
  if (typeof value === "string") return value;
  if (fallback !== undefined) return fallback;
  throw new Error(`variable ${key} is not set: gantry variables set ${key} VALUE`);
}

async function connection({ ask, log }: ContextPorts, id: string): Promise<Connection> {
  const found = await ask({ kind: "connection", id });
  if (found === null) {
    throw new Error(`connection ${id} is not set: gantry connections add ${id} --conn-uri URI`);
  }
  hideSecrets(log, { kind: "connection", id }, found);
  return found as object as Connection;
}

/** Keeps what is secret in something that was looked up out of the log. */
export function hideSecrets(log: TaskLog, lookup: Lookup, value: Json): void {
  if (lookup.kind === "variable" && typeof value === "string" && isSensitive(lookup.key)) {
    log.addSecret(value);
  }
  if (lookup.kind !== "connection" || value === null) return;
  const { password, extra } = value as object as Connection;
  log.addSecret(password);
  for (const [name, it] of Object.entries(settings(extra))) {
    if (isSensitive(name) && typeof it === "string") log.addSecret(it);
  }
}

function settings(extra: string | undefined): object {
  try {
    const value: unknown = JSON.parse(extra ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
