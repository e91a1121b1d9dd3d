import { InvalidArgumentError, Option, type Command } from "commander";
import type { VerbSession } from "#workflows/verbs/session.ts";
import type { WorkflowWhere } from "./installation.ts";
import { dataDirOption } from "#main/command-line/options.ts";

function whereOptions(command: Command): Command {
  return command
    .addOption(dataDirOption())
    .addOption(
      new Option(
        "--database <address>",
        "postgres://… instead of SQLite in the data directory",
      ).env("GANTRY_WORKFLOWS_DATABASE"),
    )
    .addOption(
      new Option(
        "--dags-folder <path>",
        "the files of DAGs; workflows/dags in the data directory if unset",
      ).env("GANTRY_DAGS_FOLDER"),
    );
}

/** How Airflow's commands end that were given wrong arguments. */
const usageExitCode = 2;

/** A command about workflows. Wrong arguments end it with its usage and code 2, as Airflow's do. */
export function verb(parent: Command, usage: string, description: string): Command {
  const command = parent.command(usage).description(description);
  const [name = ""] = usage.split(" ");
  const path = [...(parent.parent === null ? [] : ["gantry"]), parent.name(), name].join(" ");
  const rest = usage.slice(name.length);
  command
    .showHelpAfterError(`usage: ${path} [options]${rest}\n(${path} --help tells more)`)
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : usageExitCode);
    });
  return whereOptions(command);
}

/** A command that prints rows, in one of Airflow's forms. */
export function listVerb(parent: Command, usage: string, description: string): Command {
  return verb(parent, usage, description).addOption(
    new Option("-o, --output <form>", "how to print")
      .choices(["table", "json", "yaml", "plain"])
      .default("table"),
  );
}

/** Opens the workflows for one command. */
export async function inSession(
  where: WorkflowWhere,
  act: (session: VerbSession) => Promise<void>,
): Promise<void> {
  const { inWorkflowSession } = await import("./session.ts");
  await inWorkflowSession(where, act);
}

/** A whole number that is not negative. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) {
    throw new InvalidArgumentError("expected a whole number");
  }
  return count;
}
