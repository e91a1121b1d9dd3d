import { Option, type Command } from "commander";
import type { Form, RunsOptions, TriggerOptions } from "#workflows/verbs/dags.ts";
import type { SchedulerOptions } from "./scheduler.ts";
import { apiOptions, type WorkflowApiOptions } from "./api-options.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";
import { addDagListVerbs } from "./dag-list-verbs.ts";
import { addDatabaseVerbs } from "./database-verbs.ts";
import { addInstallationVerbs } from "./installation-verbs.ts";
import { addReportVerbs } from "./report-verbs.ts";
import { addRunsVerbs } from "./runs-verbs.ts";
import { addTestVerbs } from "./test-verbs.ts";
import type { WorkerOptions } from "./queue-worker.ts";
import { addExecutorOptions, addWorkerOptions } from "./executor-options.ts";
import { addAssetVerbs } from "./asset-verbs.ts";
import { addBackfillVerbs } from "./backfill-verbs.ts";
import { addRunControlVerbs } from "./run-verbs.ts";
import { addSettingsVerbs } from "./settings-verbs.ts";
import { addUserVerbs } from "./user-verbs.ts";

/** Adds the commands of workflows, in Airflow's verbs. Each loads its code when it runs. */
export function addWorkflowVerbs(program: Command): void {
  addProcesses(program);
  const dags = program.command("dags").description("DAGs and their runs");
  const tasks = program.command("tasks").description("tasks of DAGs and their runs");
  addDagVerbs(dags);
  addTaskVerbs(tasks);
  addDagListVerbs(dags);
  addTestVerbs(dags, tasks);
  addRunControlVerbs(tasks);
  addBackfillVerbs(program);
  addAssetVerbs(program);
  addSettingsVerbs(program);
  addUserVerbs(program);
  addRunsVerbs(program, dags, tasks);
  addDatabaseVerbs(program);
  addReportVerbs(program, dags);
  addInstallationVerbs(program);
}

function addProcesses(program: Command): void {
  const command = verb(program, "scheduler", "run the workflow scheduler, in the foreground");
  addExecutorOptions(apiOptions(command, 0))
    .option("--parallelism <number>", "most tasks at a time, for each executor", parseCount, 32)
    .option("--warm-workers <number>", "workers that wait from the start", parseCount, 2)
    .addOption(new Option("--api-optional").default(false).hideHelp())
    .option("--no-paused-at-creation", "new DAGs run at once, without being unpaused")
    .action(async (options: SchedulerOptions) => {
      const { scheduler } = await import("./scheduler.ts");
      await scheduler(options);
    });
  apiOptions(
    verb(program, "api-server", "serve the workflows' REST API, in the foreground"),
    8_080,
  ).action(async (options: WorkflowWhere & WorkflowApiOptions) => {
    const { apiServer } = await import("./api-server.ts");
    await apiServer(options);
  });
  addWorkerOptions(
    verb(program, "worker", "run tasks of queues for the CeleryExecutor, in the foreground"),
  ).action(async (options: WorkerOptions) => {
    const { queueWorker } = await import("./queue-worker.ts");
    await queueWorker(options);
  });
  program.command("workflow-job", { hidden: true }).action(async () => {
    const { workflowJob } = await import("./job.ts");
    await workflowJob();
  });
}

type Listed = WorkflowWhere & Form;

function addDagVerbs(dags: Command): void {
  listVerb(dags, "details <dag>", "show what is known about a DAG").action(
    async (dag: string, options: Listed) => {
      const { dagsDetails } = await import("#workflows/verbs/dags.ts");
      await inSession(options, (session) => dagsDetails(session, dag, options));
    },
  );
  verb(dags, "show <dag>", "show a DAG's tasks and edges")
    .option("--dot", "for Graphviz", false)
    .action(async (dag: string, options: WorkflowWhere & { readonly dot: boolean }) => {
      const { dagsShow } = await import("#workflows/verbs/dags.ts");
      await inSession(options, (session) => dagsShow(session, dag, options.dot));
    });
  for (const [name, paused] of [
    ["pause", true],
    ["unpause", false],
  ] as const) {
    verb(dags, `${name} <dag>`, `${name} a DAG`)
      .option("--treat-dag-id-as-regex", "all DAGs whose ids match", false)
      .addOption(new Option("-y, --yes", "as Airflow's; nothing is asked").hideHelp())
      .action(async (dag: string, options: WorkflowWhere & { treatDagIdAsRegex: boolean }) => {
        const { dagsPause } = await import("#workflows/verbs/dags.ts");
        const which = options.treatDagIdAsRegex ? { pattern: dag } : { dagId: dag };
        await inSession(options, (session) => dagsPause(session, which, paused));
      });
  }
  addRunVerbs(dags);
}

function addRunVerbs(dags: Command): void {
  listVerb(dags, "trigger <dag>", "start a run")
    .option("-c, --conf <json>", "configuration of the run, an object")
    .option("-r, --run-id <id>", "name of the run")
    .option("-l, --logical-date <date>", "logical date of the run; now if unset")
    .action(async (dag: string, options: WorkflowWhere & TriggerOptions) => {
      const { dagsTrigger } = await import("#workflows/verbs/dags.ts");
      await inSession(options, async (session) => {
        await dagsTrigger(session, dag, options);
      });
    });
  listVerb(dags, "list-runs [dag]", "list runs, the newest first")
    .option("--state <state>", "only in this state")
    .option("-s, --start-date <date>", "only with logical dates from this")
    .option("-e, --end-date <date>", "only with logical dates up to this")
    .action(async (dag: string | undefined, options: WorkflowWhere & RunsOptions) => {
      const { dagsListRuns } = await import("#workflows/verbs/dags.ts");
      await inSession(options, (session) => dagsListRuns(session, dag, options));
    });
}

function addTaskVerbs(tasks: Command): void {
  verb(tasks, "list <dag>", "list the tasks of a DAG")
    .option("-t, --tree", "each below those before it", false)
    .action(async (dag: string, options: WorkflowWhere & { readonly tree: boolean }) => {
      const { tasksList } = await import("#workflows/verbs/tasks.ts");
      await inSession(options, (session) => tasksList(session, dag, options.tree));
    });
  listVerb(tasks, "states-for-dag-run <dag> <run>", "show the state of each task of a run").action(
    async (dag: string, run: string, options: Listed) => {
      const { tasksStates } = await import("#workflows/verbs/tasks.ts");
      await inSession(options, (session) => tasksStates(session, dag, run, options));
    },
  );
  listVerb(tasks, "outputs <dag> <run>", "show what the tasks of a run have handed on").action(
    async (dag: string, run: string, options: Listed) => {
      const { runsOutputs } = await import("#workflows/verbs/tasks.ts");
      await inSession(options, (session) => runsOutputs(session, dag, run, options));
    },
  );
  verb(tasks, "logs <dag> <run> <task>", "print the log of a task")
    .option("--map-index <number>", "of this instance of a mapped task", parseCount, -1)
    .option("--try-number <number>", "of this try; the newest if unset", parseCount)
    .action(
      async (
        dagId: string,
        runId: string,
        taskId: string,
        options: WorkflowWhere & { mapIndex: number; tryNumber: number | undefined },
      ) => {
        const { tasksLogs } = await import("#workflows/verbs/tasks.ts");
        const { mapIndex, tryNumber } = options;
        await inSession(options, (session) =>
          tasksLogs(session, { dagId, runId, taskId }, { mapIndex, tryNumber }),
        );
      },
    );
}
