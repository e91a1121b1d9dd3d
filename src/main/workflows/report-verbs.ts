import type { Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";

/** Adds what tells of DAGs as a whole, and of the processes that schedule them. */
export function addReportVerbs(program: Command, dags: Command): void {
  listVerb(dags, "report", "show what was read of each file").action(
    async (options: WorkflowWhere & Form) => {
      const { dagsReport } = await import("#workflows/verbs/dag-reports.ts");
      await inSession(options, (session) => dagsReport(session, options));
    },
  );
  verb(dags, "state <dag> <run-or-date>", "print the state of a run").action(
    async (dag: string, run: string, options: WorkflowWhere) => {
      const { dagsState } = await import("#workflows/verbs/dag-reports.ts");
      await inSession(options, (session) => dagsState(session, dag, run));
    },
  );
  verb(dags, "reserialize", "have the scheduler read every file again").action(
    async (options: WorkflowWhere) => {
      const { dagsReserialize } = await import("#workflows/verbs/dag-reports.ts");
      await inSession(options, (session) => dagsReserialize(session));
    },
  );
  listVerb(dags, "show-dependencies", "show which DAGs start, or wait for, which others")
    .option("--dot", "for Graphviz", false)
    .action(async (options: WorkflowWhere & Form & { readonly dot: boolean }) => {
      const { dagsShowDependencies } = await import("#workflows/verbs/dag-reports.ts");
      await inSession(options, (session) => dagsShowDependencies(session, options));
    });
  addJobVerbs(program);
}

interface CheckOptions extends WorkflowWhere {
  readonly jobType?: string;
  readonly hostname?: string;
  readonly limit: number;
  readonly allowMultiple: boolean;
}

function addJobVerbs(program: Command): void {
  const jobs = program.command("jobs").description("processes that schedule");
  listVerb(jobs, "list", "list them").action(async (options: WorkflowWhere & Form) => {
    const { jobsList } = await import("#workflows/verbs/jobs.ts");
    await inSession(options, (session) => jobsList(session, options));
  });
  verb(jobs, "check", "say whether one is alive; ends with 1 when none is")
    .option("--job-type <type>", "only of this type: SchedulerJob")
    .option("--hostname <name>", "only on this machine")
    .option("--limit <number>", "most that count; 0: any number", parseCount, 1)
    .option("--allow-multiple", "more than one may be alive", false)
    .action(async (options: CheckOptions) => {
      const { jobsCheck } = await import("#workflows/verbs/jobs.ts");
      await inSession(options, (session) => jobsCheck(session, options));
    });
}
