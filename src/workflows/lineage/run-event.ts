import type { JsonObject } from "#api/object.ts";
import type { WorkflowEvent } from "#workflows/state/events.ts";
import { datasetOf } from "./dataset.ts";
import { uuidFor } from "#workflows/api/shapes/values.ts";

const schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const jobTypeSchema = "https://openlineage.io/spec/facets/2-0-3/JobTypeJobFacet.json";
const parentSchema = "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json";
const errorSchema = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json";

/** Whom the events name as their source, and where the jobs' names belong. */
export interface LineageNames {
  readonly namespace: string;
  /** A URI. */
  readonly producer: string;
}

/** What an event of the scheduler is to OpenLineage: a start, or an end. */
const eventTypes: Readonly<Record<string, string>> = {
  "run.started": "START",
  "run.success": "COMPLETE",
  "run.failed": "FAIL",
  "task.running": "START",
  "task.success": "COMPLETE",
  "task.failed": "FAIL",
  // This try has failed; the next one is a run of its own.
  "task.up_for_retry": "FAIL",
  "task.skipped": "ABORT",
};

/** An event as a RunEvent of OpenLineage 2-0-2; undefined for what it has no word for. */
export function lineageEvent(it: WorkflowEvent, names: LineageNames): JsonObject | undefined {
  const eventType = eventTypes[it.name];
  const { dagId, runId, taskId } = it;
  if (eventType === undefined || dagId === undefined || runId === undefined) return undefined;
  const { namespace, producer } = names;
  const dagRun = uuidFor(JSON.stringify(["lineage", namespace, dagId, runId]));
  const parent = {
    _producer: producer,
    _schemaURL: parentSchema,
    run: { runId: dagRun },
    job: { namespace, name: dagId },
  };
  const error = {
    _producer: producer,
    _schemaURL: errorSchema,
    message: it.extra ?? "",
    programmingLanguage: "TypeScript",
  };
  const key = [
    "lineage",
    namespace,
    dagId,
    runId,
    taskId ?? "",
    it.mapIndex ?? -1,
    it.tryNumber ?? 0,
  ];
  return {
    eventType,
    eventTime: new Date(it.at).toISOString(),
    producer,
    schemaURL: schema,
    run: {
      runId: taskId === undefined ? dagRun : uuidFor(JSON.stringify(key)),
      facets: {
        ...(taskId === undefined ? {} : { parent }),
        ...(eventType === "FAIL" ? { errorMessage: error } : {}),
      },
    },
    job: {
      namespace,
      name: taskId === undefined ? dagId : `${dagId}.${taskId}`,
      facets: {
        jobType: {
          _producer: producer,
          _schemaURL: jobTypeSchema,
          processingType: "BATCH",
          integration: "GANTRY",
          jobType: taskId === undefined ? "DAG" : "TASK",
        },
      },
    },
    inputs: datasetsOf(it, "reads", namespace),
    outputs: datasetsOf(it, "makes", namespace),
  };
}

function datasetsOf(
  { measured }: WorkflowEvent,
  which: "reads" | "makes",
  namespace: string,
): JsonObject[] {
  return (measured?.[which] ?? []).map((asset) => ({ ...datasetOf(asset, namespace) }));
}
