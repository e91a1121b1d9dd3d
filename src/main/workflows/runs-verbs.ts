import type { Command } from "commander";
import type { Form, RunsOptions } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";

/** Adds `gantry runs`, and what deletes and foretells. */
export function addRunsVerbs(program: Command, dags: Command, tasks: Command): void {
  const runs = program.command("runs").description("runs of DAGs");
  listVerb(runs, "list [dag]", "list runs, the newest first")
    .option("--state <state>", "only in this state")
    .action(async (dag: string | undefined, options: WorkflowWhere & RunsOptions) => {
      const { dagsListRuns } = await import("#workflows/verbs/dags.ts");
      await inSession(options, (session) => dagsListRuns(session, dag, options));
    });
  listVerb(runs, "show <dag> <run>", "show what is known about a run").action(
    async (dag: string, run: string, options: WorkflowWhere & Form) => {
      const { runsShow } = await import("#workflows/verbs/runs.ts");
      await inSession(options, (session) => runsShow(session, dag, run, options));
    },
  );
  verb(runs, "delete <dag> <run>", "delete a run with its tasks and outputs").action(
    async (dag: string, run: string, options: WorkflowWhere) => {
      const { runsDelete } = await import("#workflows/verbs/runs.ts");
      await inSession(options, (session) => runsDelete(session, dag, run));
    },
  );
  listVerb(dags, "deadlines <dag>", "list the deadlines of runs, and which were missed")
    .option("--run-id <run>", "only of this run")
    .action(async (dag: string, options: WorkflowWhere & Form & { readonly runId?: string }) => {
      const { dagsDeadlines } = await import("#workflows/verbs/runs.ts");
      await inSession(options, (session) => dagsDeadlines(session, dag, options));
    });
  verb(dags, "delete <dag>", "delete a DAG with all its runs")
    .option("-y, --yes", "as Airflow's; nothing is asked", false)
    .action(async (dag: string, options: WorkflowWhere) => {
      const { dagsDelete } = await import("#workflows/verbs/runs.ts");
      await inSession(options, (session) => dagsDelete(session, dag));
    });
  verb(dags, "next-execution <dag>", "print the next logical dates of the schedule")
    .option("-n, --num-executions <number>", "how many", parseCount, 1)
    .action(async (dag: string, options: WorkflowWhere & { readonly numExecutions: number }) => {
      const { dagsNextExecution } = await import("#workflows/verbs/runs.ts");
      await inSession(options, (session) => dagsNextExecution(session, dag, options.numExecutions));
    });
  verb(tasks, "state <dag> <task> <run>", "print the state of a task in a run")
    .option("--map-index <number>", "of this instance of a mapped task", parseCount, -1)
    .action(
      async (
        dagId: string,
        taskId: string,
        runId: string,
        options: WorkflowWhere & { readonly mapIndex: number },
      ) => {
        const { tasksState } = await import("#workflows/verbs/runs.ts");
        const key = { dagId, taskId, runId };
        await inSession(options, (session) => tasksState(session, key, options.mapIndex));
      },
    );
}
