import type { Json } from "#api/object.ts";
import type { Operator, OperatorCall } from "./operator.ts";

async function call({ run, input, context, job }: OperatorCall): Promise<unknown> {
  if (run === undefined) throw new Error(`the DAG's file has no function for task ${job.taskId}`);
  return await run(input, context);
}

export const functionOperator: Operator = {
  templated: [],
  execute: async (it) => ({ value: await call(it) }),
};

/** A DAG as configuration names what follows in `follow`, mostly by a template. */
export const branchOperator: Operator = {
  templated: ["follow"],
  async execute(it) {
    const chosen = it.run === undefined ? namedIn(it.input["follow"]) : await call(it);
    const ids = chosen == null ? [] : typeof chosen === "string" ? [chosen] : chosen;
    if (!Array.isArray(ids) || ids.some((id) => typeof id !== "string")) {
      throw new Error("a branch must return the id of a task, a list of ids, or null");
    }
    const followed = ids.map((id) => inGroup(it, String(id)));
    it.log.line("INFO", `follows ${followed.length === 0 ? "nothing" : followed.join(", ")}`);
    return { value: chosen, followed };
  },
};

/** The ids in a text, with commas between them, or in a list. */
function namedIn(follow: Json | undefined): Json {
  if (typeof follow !== "string") return follow ?? null;
  return follow.split(",").flatMap((it) => (it.trim() === "" ? [] : [it.trim()]));
}

/** A branch inside a group may leave the group's name out. */
function inGroup({ job }: OperatorCall, id: string): string {
  const { group } = job.task;
  return group === undefined || id.includes(".") ? id : `${group}.${id}`;
}

/** A DAG as configuration gives a `condition`, mostly by a template. */
export const shortCircuitOperator: Operator = {
  templated: ["condition"],
  async execute(it) {
    const holds = it.run === undefined ? isTrue(it.input["condition"]) : Boolean(await call(it));
    it.log.line(
      "INFO",
      holds ? "the condition holds" : "the condition is false: the rest is skipped",
    );
    return { value: holds, stopped: !holds };
  },
};

/** Templates give texts: those that say no in YAML, Python or JSON are false. */
export function isTrue(value: Json | undefined): boolean {
  if (typeof value !== "string") return Boolean(value);
  return !/^(false|no|off|0|none|null|)$/i.test(value.trim());
}

export const emptyOperator: Operator = { templated: [], execute: async () => ({}) };
