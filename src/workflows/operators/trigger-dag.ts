import type { JsonObject } from "#api/object.ts";
import { optionalText, requiredText, type Operator } from "./operator.ts";

/** Starts a run of another DAG. */
export const triggerDagOperator: Operator = {
  templated: ["dag", "conf", "runId", "logicalDate"],
  async execute(call) {
    const given = call.input["conf"];
    const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
    const conf: JsonObject = isObject ? given : {};
    const dagId = requiredText(call, "dag");
    const runId = await call.ask({
      kind: "trigger",
      dagId,
      runId: optionalText(call, "runId"),
      logicalDate: optionalText(call, "logicalDate"),
      conf,
    });
    call.log.line("INFO", `started run ${JSON.stringify(runId)} of ${dagId}`);
    return { value: runId };
  },
};
