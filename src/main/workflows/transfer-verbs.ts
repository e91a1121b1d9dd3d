import { Option, type Command } from "commander";
import type { Existing } from "#workflows/verbs/transfer.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, verb } from "./options.ts";

/** Adds `import` and `export` to the commands of variables, connections and pools. */
export function addTransferVerbs(variables: Command, connections: Command, pools: Command): void {
  verb(variables, "export <file>", "write all variables to a JSON file").action(
    async (file: string, options: WorkflowWhere) => {
      const { variablesExport } = await import("#workflows/verbs/transfer.ts");
      await inSession(options, (session) => variablesExport(session, file));
    },
  );
  verb(variables, "import <file>", "read variables from a JSON or YAML file")
    .addOption(
      new Option("-a, --action-on-existing-key <action>", "with those there are already")
        .choices(["overwrite", "fail", "skip"])
        .default("overwrite"),
    )
    .action(
      async (file: string, options: WorkflowWhere & { readonly actionOnExistingKey: Existing }) => {
        const { variablesImport } = await import("#workflows/verbs/transfer.ts");
        await inSession(options, (session) =>
          variablesImport(session, file, options.actionOnExistingKey),
        );
      },
    );
  verb(connections, "export <file>", "write all connections to a .json, .yaml or .env file").action(
    async (file: string, options: WorkflowWhere) => {
      const { connectionsExport } = await import("#workflows/verbs/transfer.ts");
      await inSession(options, (session) => connectionsExport(session, file));
    },
  );
  verb(connections, "import <file>", "read connections from a .json, .yaml or .env file")
    .option("--overwrite", "those there are already", false)
    .action(async (file: string, options: WorkflowWhere & { readonly overwrite: boolean }) => {
      const { connectionsImport } = await import("#workflows/verbs/transfer.ts");
      await inSession(options, (session) => connectionsImport(session, file, options.overwrite));
    });
  verb(pools, "export <file>", "write all pools to a JSON file").action(
    async (file: string, options: WorkflowWhere) => {
      const { poolsExport } = await import("#workflows/verbs/transfer.ts");
      await inSession(options, (session) => poolsExport(session, file));
    },
  );
  verb(pools, "import <file>", "read pools from a JSON file").action(
    async (file: string, options: WorkflowWhere) => {
      const { poolsImport } = await import("#workflows/verbs/transfer.ts");
      await inSession(options, (session) => poolsImport(session, file));
    },
  );
}
