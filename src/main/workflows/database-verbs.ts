import type { Command } from "commander";
import { parseMoment } from "#dag/timetable/moment.ts";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, verb } from "./options.ts";

interface CleanOptions extends WorkflowWhere, Form {
  readonly cleanBeforeTimestamp: string;
  readonly dryRun: boolean;
  readonly skipArchive: boolean;
  readonly yes: boolean;
}

interface ArchiveOptions extends WorkflowWhere {
  readonly tables?: string;
  readonly outputPath: string;
  readonly dropArchives: boolean;
  readonly yes: boolean;
}

function addArchiveVerbs(database: Command): void {
  verb(database, "export-archived", "write what `clean` has kept as CSV files")
    .requiredOption("--output-path <folder>", "where to")
    .option("-t, --tables <names>", "only of these tables, a list with commas")
    .option("--drop-archives", "and drop it then", false)
    .action(async (options: ArchiveOptions) => {
      const { dbExportArchived } = await import("#workflows/verbs/archives.ts");
      const { outputPath, dropArchives } = options;
      const tables = options.tables?.split(",");
      await inSession(options, (session) =>
        dbExportArchived(session, { outputPath, tables, dropArchives }),
      );
    });
  verb(database, "drop-archived", "drop what `clean` has kept")
    .option("-t, --tables <names>", "only of these tables, a list with commas")
    .option("-y, --yes", "drop; without it nothing is", false)
    .action(async (options: ArchiveOptions) => {
      if (!options.yes) throw new Error("this cannot be undone: gantry db drop-archived --yes");
      const { dbDropArchived } = await import("#workflows/verbs/archives.ts");
      await inSession(options, (session) => dbDropArchived(session, options.tables?.split(",")));
    });
}

/** Adds `gantry db`. */
export function addDatabaseVerbs(program: Command): void {
  const database = program.command("db").description("the workflows' database");
  verb(database, "migrate", "bring the schema up to date").action(
    async (options: WorkflowWhere) => {
      await inSession(options, async (session) => {
        session.out("Database migrating done!\n");
      });
    },
  );
  verb(database, "check", "say whether the database answers").action(
    async (options: WorkflowWhere) => {
      const { dbCheck } = await import("#workflows/verbs/database.ts");
      await inSession(options, async (session) => {
        if (!(await dbCheck(session))) process.exitCode = 1;
      });
    },
  );
  listVerb(database, "clean", "delete runs and events that ended before a time")
    .requiredOption("--clean-before-timestamp <time>", "what ended before it")
    .option("--dry-run", "only say how much it is", false)
    .option("--skip-archive", "do not keep it in tables of its own", false)
    .option("-y, --yes", "delete; without it nothing is", false)
    .action(async (options: CleanOptions) => {
      const { dbClean } = await import("#workflows/verbs/database.ts");
      const before = parseMoment(options.cleanBeforeTimestamp, "UTC");
      const dryRun = options.dryRun || !options.yes;
      const { output, skipArchive } = options;
      await inSession(options, (session) =>
        dbClean(session, { before, dryRun, output, skipArchive }),
      );
    });
  addArchiveVerbs(database);
  verb(database, "check-migrations", "say whether the schema is up to date").action(
    async (options: WorkflowWhere) => {
      const { dbCheck } = await import("#workflows/verbs/database.ts");
      await inSession(options, async (session) => {
        if (!(await dbCheck(session))) process.exitCode = 1;
      });
    },
  );
  verb(database, "reset", "delete everything, and make the tables anew")
    .option("-y, --yes", "delete; without it nothing is", false)
    .action(async (options: WorkflowWhere & { readonly yes: boolean }) => {
      if (!options.yes) throw new Error("this deletes everything: gantry db reset --yes");
      const { dbReset } = await import("#workflows/verbs/database.ts");
      await inSession(options, (session) => dbReset(session));
    });
}
