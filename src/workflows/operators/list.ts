import { bashOperator } from "./bash.ts";
import {
  branchOperator,
  emptyOperator,
  functionOperator,
  shortCircuitOperator,
} from "./functions.ts";
import { httpOperator } from "./http.ts";
import type { Operator } from "./operator.ts";
import { fileSensorOperator, sensorOperator } from "./sensors.ts";
import { sqlOperator } from "./sql.ts";
import { triggerDagOperator } from "./trigger-dag.ts";

/** Every kind of task that a worker can run, by the name in the DAG's model. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ["function", functionOperator],
  ["branch", branchOperator],
  ["short_circuit", shortCircuitOperator],
  ["empty", emptyOperator],
  ["bash", bashOperator],
  ["http", httpOperator],
  ["sql", sqlOperator],
  ["sensor", sensorOperator],
  ["file_sensor", fileSensorOperator],
  ["trigger_dag", triggerDagOperator],
]);
