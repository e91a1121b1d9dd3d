import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import type { TypesPlace } from "#workflows/verbs/dags-init.ts";
import type { dagsListLocal } from "#workflows/verbs/dags-local.ts";
import type { Form } from "#workflows/verbs/dags.ts";
import { workflowPlaces, type WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, verb } from "./options.ts";

type Listed = WorkflowWhere & Form & { readonly local: boolean };

/** @throws {Error} where the sources are not beside the program, as in the image of workers. */
function typesPlace(): TypesPlace {
  const program = dirname(process.argv[1] ?? "");
  const workflows = ["..", "../.."]
    .map((it) => resolve(program, it, "src/dag/authoring/workflows.ts"))
    .find(existsSync);
  if (workflows === undefined) {
    throw new Error("the types are in a checkout of Gantry: run this command from one");
  }
  return { workflows, packageTypes: resolve(workflows, "../../../../node_modules/@types") };
}

/** Adds the commands about the folder: its settings for editors; DAGs and broken files, as read or now. */
export function addDagListVerbs(dags: Command): void {
  verb(dags, "init", "write the settings by which editors and tsc check the folder of DAGs").action(
    async (options: WorkflowWhere) => {
      const { dagsInit } = await import("#workflows/verbs/dags-init.ts");
      const { dagsFolder } = workflowPlaces(options);
      process.stdout.write(`wrote ${dagsInit(resolve(dagsFolder), typesPlace())}\n`);
    },
  );
  folderVerb(dags, "list", "list all DAGs").action(async (options: Listed) => {
    const local = await import("#workflows/verbs/dags-local.ts");
    if (options.local) await onFolder(options, local.dagsListLocal);
    else {
      const { dagsList } = await import("#workflows/verbs/dags.ts");
      await inSession(options, (session) => dagsList(session, options));
    }
  });
  folderVerb(dags, "list-import-errors", "list the files that are broken").action(
    async (options: Listed) => {
      const local = await import("#workflows/verbs/dags-local.ts");
      if (options.local) await onFolder(options, local.dagsListImportErrorsLocal);
      else {
        const { dagsListImportErrors } = await import("#workflows/verbs/dags.ts");
        await inSession(options, async (session) => {
          if (!(await dagsListImportErrors(session, options))) process.exitCode = 1;
        });
      }
    },
  );
}

function folderVerb(dags: Command, usage: string, description: string): Command {
  return listVerb(dags, usage, description).option(
    "-l, --local",
    "read the files now, without a scheduler",
    false,
  );
}

async function onFolder(options: Listed, act: typeof dagsListLocal): Promise<void> {
  const { onTestBench } = await import("./test-bench.ts");
  await onTestBench(options, (session, ports, signal) => act(session, ports, options, signal));
}
