import { bashOperator } from "./bash.ts";
import {
  branchOperator,
  emptyOperator,
  functionOperator,
  shortCircuitOperator,
} from "./functions.ts";
import type { Operator } from "./operator.ts";

/** Every kind of task that a worker can run, by the name in the DAG's model. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ["function", functionOperator],
  ["branch", branchOperator],
  ["short_circuit", shortCircuitOperator],
  ["empty", emptyOperator],
  ["bash", bashOperator],
]);
