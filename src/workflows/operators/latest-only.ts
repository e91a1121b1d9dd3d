import type { Operator } from "./operator.ts";

/** Lets what follows go on in the newest run alone, and in those that are started by hand. */
export const latestOnlyOperator: Operator = {
  templated: [],
  async execute(call) {
    const isManual = call.job.run.runType === "manual";
    const goesOn = isManual || (await call.ask({ kind: "latest" })) === true;
    call.log.line("INFO", goesOn ? "this run is the newest" : "a newer run is due: skips the rest");
    return goesOn ? {} : { followed: [] };
  },
};
