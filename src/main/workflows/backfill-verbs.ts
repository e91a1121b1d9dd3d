import { Option, type Command } from "commander";
import type { BackfillOptions } from "#workflows/verbs/backfill.ts";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";

/** Adds what makes up for dates that are past. */
export function addBackfillVerbs(program: Command): void {
  const backfill = program.command("backfill").description("runs of past dates");
  listVerb(backfill, "create", "have runs made for past dates")
    .requiredOption("--dag-id <dag>", "of this DAG")
    .requiredOption("--from-date <date>", "the first logical date")
    .requiredOption("--to-date <date>", "the last logical date")
    .option("--run-backwards", "the newest first")
    .option("--max-active-runs <number>", "most runs at a time", parseCount, 10)
    .addOption(
      new Option("--reprocess-behavior <which>", "which dates that have a run already run again")
        .choices(["none", "failed", "completed"])
        .default("none"),
    )
    .option("--dag-run-conf <json>", "configuration of the runs, an object")
    .option("--dry-run", "show only what would be done")
    .action(async (options: WorkflowWhere & BackfillOptions) => {
      const { backfillCreate } = await import("#workflows/verbs/backfill.ts");
      await inSession(options, (session) => backfillCreate(session, options));
    });
  listVerb(backfill, "list [dag]", "list backfills, the newest first").action(
    async (dag: string | undefined, options: WorkflowWhere & Form) => {
      const { backfillList } = await import("#workflows/verbs/backfill.ts");
      await inSession(options, (session) => backfillList(session, dag, options));
    },
  );
  for (const [name, paused] of [
    ["pause", true],
    ["unpause", false],
  ] as const) {
    verb(backfill, `${name} <id>`, `${name} a backfill`).action(
      async (id: string, options: WorkflowWhere) => {
        const { backfillPause } = await import("#workflows/verbs/backfill.ts");
        await inSession(options, (session) => backfillPause(session, parseCount(id), paused));
      },
    );
  }
  verb(backfill, "cancel <id>", "give up the runs that wait").action(
    async (id: string, options: WorkflowWhere) => {
      const { backfillCancel } = await import("#workflows/verbs/backfill.ts");
      await inSession(options, (session) => backfillCancel(session, parseCount(id)));
    },
  );
}
