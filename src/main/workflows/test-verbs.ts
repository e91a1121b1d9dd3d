import { InvalidArgumentError, type Command } from "commander";
import type { BenchAnswer, TestOptions } from "#workflows/verbs/dags-test.ts";
import type { WorkflowWhere } from "./installation.ts";
import { listVerb, parseCount, verb } from "./options.ts";

/** Adds the commands that try a DAG or task out, without a scheduler. */
export function addTestVerbs(dags: Command, tasks: Command): void {
  listVerb(dags, "test <dag> [date]", "run a DAG once in this process; nothing is stored")
    .option("-c, --conf <json>", "configuration of the run, an object")
    .option(
      "--answer <task=option>",
      "what somebody answers the task; may be repeated",
      parseAnswer,
      [],
    )
    .action(
      async (dagId: string, date: string | undefined, options: WorkflowWhere & TestOptions) => {
        const { dagsTest } = await import("#workflows/verbs/dags-test.ts");
        const { onTestBench } = await import("./test-bench.ts");
        const given = { dagId, date, options };
        await onTestBench(options, (session, ports, signal) =>
          dagsTest(session, ports, given, signal),
        );
      },
    );
  taskVerb(
    tasks,
    "test <dag> <task> [date]",
    "run one task in this process; nothing is stored",
  ).action(async (...given: TaskArguments) => {
    const { tasksTest } = await import("#workflows/verbs/tasks-test.ts");
    const { onTestBench } = await import("./test-bench.ts");
    await onTestBench(given[3], (session, ports, signal) =>
      tasksTest(session, ports, taskTest(given), signal),
    );
  });
  taskVerb(tasks, "render <dag> <task> [date]", "print a task's templates, filled in").action(
    async (...given: TaskArguments) => {
      const { tasksRender } = await import("#workflows/verbs/tasks-test.ts");
      const { onTestBench } = await import("./test-bench.ts");
      await onTestBench(given[3], async (session, ports, signal) => {
        await tasksRender(session, ports, taskTest(given), signal);
        return true;
      });
    },
  );
}

function parseAnswer(text: string, earlier: readonly BenchAnswer[]): readonly BenchAnswer[] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected TASK=OPTION");
  return [...earlier, { taskId: text.slice(0, at), option: text.slice(at + 1) }];
}

interface TaskTestOptions extends WorkflowWhere {
  readonly conf?: string;
  readonly mapIndex: number;
}

type TaskArguments = [
  dagId: string,
  taskId: string,
  dateOrRun: string | undefined,
  options: TaskTestOptions,
  command: Command,
];

/** The date may be the id of a run, whose outputs are then used. */
function taskVerb(tasks: Command, usage: string, description: string): Command {
  return verb(tasks, usage, description)
    .option("-c, --conf <json>", "configuration of the run, an object")
    .option("--map-index <number>", "of this instance of a mapped task", parseCount, -1);
}

function taskTest([dagId, taskId, dateOrRun, { conf, mapIndex }]: TaskArguments): {
  readonly dagId: string;
  readonly taskId: string;
  readonly dateOrRun: string | undefined;
  readonly mapIndex: number;
  readonly conf: string | undefined;
} {
  return { dagId, taskId, dateOrRun, mapIndex, conf };
}
