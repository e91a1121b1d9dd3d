import { hostname } from "node:os";
import type { Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import { version } from "#main/process/version.ts";
import { workflowPlaces, type WorkflowWhere } from "./installation.ts";
import { listVerb, verb } from "./options.ts";

/** Adds what tells of the installation: its settings, places, roles. */
export function addInstallationVerbs(program: Command): void {
  const config = program.command("config").description("settings of the workflows");
  verb(config, "list", "print the settings; secrets are hidden")
    .option("--section <name>", "only this section")
    .action(async (options: WorkflowWhere & { readonly section?: string }) => {
      const { configList } = await import("#workflows/verbs/installation.ts");
      process.stdout.write(configList(await configuration(options), options.section));
    });
  verb(config, "get-value <section> <option>", "print one setting").action(
    async (section: string, option: string, options: WorkflowWhere) => {
      const { configValue } = await import("#workflows/verbs/installation.ts");
      process.stdout.write(configValue(await configuration(options), section, option));
    },
  );
  listVerb(program, "info", "say where the workflows keep what, and what they run on").action(
    async (options: WorkflowWhere & Form) => {
      const { factRows } = await import("#workflows/verbs/installation.ts");
      process.stdout.write(factRows(factsOf(options), options));
    },
  );
  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`${version}\n`);
    });
  listVerb(
    program.command("roles").description("what accounts of the workflows' REST API may do"),
    "list",
    "list the roles",
  ).action(async (options: Form) => {
    const { rolesList } = await import("#workflows/verbs/installation.ts");
    process.stdout.write(rolesList(options));
  });
}

async function configuration(
  where: WorkflowWhere,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const { configurationOf } = await import("#workflows/configuration.ts");
  const { dagsFolder, logsFolder } = workflowPlaces(where);
  // What a scheduler that runs was given on its command line is known to it alone.
  const api = { apiHost: "127.0.0.1", apiPort: 8_080 };
  const { database } = where;
  return configurationOf({ dagsFolder, logsFolder, database, ...api, environment: process.env });
}

function factsOf(where: WorkflowWhere): Readonly<Record<string, string>> {
  const places = workflowPlaces(where);
  return {
    version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    host: hostname(),
    database: where.database === undefined ? places.databaseFile : "postgres",
    dags_folder: places.dagsFolder,
    logs_folder: places.logsFolder,
    code_folder: places.codeFolder,
    secret_key: places.keyFile,
  };
}
