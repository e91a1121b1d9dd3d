import type { Operator, OperatorCall } from "./operator.ts";

async function call({ run, input, context, job }: OperatorCall): Promise<unknown> {
  if (run === undefined) throw new Error(`the DAG's file has no function for task ${job.taskId}`);
  return await run(input, context);
}

export const functionOperator: Operator = {
  templated: [],
  execute: async (it) => ({ value: await call(it) }),
};

export const branchOperator: Operator = {
  templated: [],
  async execute(it) {
    const chosen = await call(it);
    const ids = chosen == null ? [] : typeof chosen === "string" ? [chosen] : chosen;
    if (!Array.isArray(ids) || ids.some((id) => typeof id !== "string")) {
      throw new Error("a branch must return the id of a task, a list of ids, or null");
    }
    const followed = ids.map((id) => inGroup(it, String(id)));
    it.log.line("INFO", `follows ${followed.length === 0 ? "nothing" : followed.join(", ")}`);
    return { value: chosen, followed };
  },
};

/** A branch inside a group may leave the group's name out. */
function inGroup({ job }: OperatorCall, id: string): string {
  const { group } = job.task;
  return group === undefined || id.includes(".") ? id : `${group}.${id}`;
}

export const shortCircuitOperator: Operator = {
  templated: [],
  async execute(it) {
    const holds = Boolean(await call(it));
    it.log.line(
      "INFO",
      holds ? "the condition holds" : "the condition is false: the rest is skipped",
    );
    return { value: holds, stopped: !holds };
  },
};

export const emptyOperator: Operator = { templated: [], execute: async () => ({}) };
