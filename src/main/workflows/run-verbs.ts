import type { Command } from "commander";
import type { ClearOptions } from "#workflows/verbs/clear.ts";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";

/** Adds what is done about runs that are there: clearing, and asking why something waits. */
export function addRunControlVerbs(tasks: Command): void {
  listVerb(tasks, "clear <dag>", "have tasks run again")
    .option("-t, --task-regex <regex>", "only tasks whose id matches")
    .option("-r, --run-id <id>", "only of this run")
    .option("-s, --start-date <date>", "only of runs with logical dates from this")
    .option("-e, --end-date <date>", "only of runs with logical dates up to this")
    .option("-u, --upstream", "and all tasks before them")
    .option("-d, --downstream", "and all tasks after them")
    .option("-f, --only-failed", "only what failed, or could not run since something failed")
    .option("--only-running", "only what runs")
    .option("--map-index <number>", "only this instance of mapped tasks", parseCount)
    .option("-y, --yes", "do it; without this only what would be cleared is shown")
    .action(async (dag: string, options: WorkflowWhere & ClearOptions) => {
      const { tasksClear } = await import("#workflows/verbs/clear.ts");
      await inSession(options, (session) => tasksClear(session, dag, options));
    });
  listVerb(tasks, "failed-deps <dag> <run> <task>", "say why a task does not run")
    .alias("why")
    .option("--map-index <number>", "of this instance of a mapped task", parseCount, -1)
    .action(
      async (
        dagId: string,
        runId: string,
        taskId: string,
        options: WorkflowWhere & Form & { mapIndex: number },
      ) => {
        const { tasksWhy } = await import("#workflows/verbs/why.ts");
        const key = { dagId, runId, taskId, mapIndex: options.mapIndex };
        await inSession(options, (session) => tasksWhy(session, key, options));
      },
    );
  listVerb(tasks, "questions [dag]", "list what tasks ask people").action(
    async (dag: string | undefined, options: WorkflowWhere & Form) => {
      const { tasksQuestions } = await import("#workflows/verbs/approvals.ts");
      await inSession(options, (session) => tasksQuestions(session, dag, options));
    },
  );
  verb(tasks, "answer <dag> <run> <task> <options...>", "answer what a task asks")
    .option("--map-index <number>", "of this instance of a mapped task", parseCount, -1)
    .option("--by <name>", "who answers")
    .action(async (...given: AnswerArguments) => {
      const [dagId, runId, taskId, chosen, options] = given;
      const { tasksAnswer } = await import("#workflows/verbs/approvals.ts");
      const key = { dagId, runId, taskId, mapIndex: options.mapIndex };
      await inSession(options, (session) => tasksAnswer(session, key, { chosen, by: options.by }));
    });
}

type AnswerArguments = [
  dag: string,
  run: string,
  task: string,
  options: readonly string[],
  flags: WorkflowWhere & { readonly mapIndex: number; readonly by?: string },
];
