import { systemClock } from "#base/clock.ts";
import { migrate } from "#sql/migrate.ts";
import { migrations } from "#workflows/state/schema.ts";
import type { VerbSession } from "#workflows/verbs/session.ts";
import {
  openVault,
  openWorkflowDatabase,
  workflowPlaces,
  type WorkflowWhere,
} from "./installation.ts";

/** Opens the workflows of an installation for one verb. */
export async function inWorkflowSession(
  where: WorkflowWhere,
  act: (session: VerbSession) => Promise<void>,
): Promise<void> {
  const places = workflowPlaces(where);
  await using database = await openWorkflowDatabase(places, where.database);
  await migrate(database, migrations);
  await act({
    database,
    clock: systemClock,
    vault: openVault(places),
    logsFolder: places.logsFolder,
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
  });
}
