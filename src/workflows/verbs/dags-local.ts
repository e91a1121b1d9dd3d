import { summarizeSchedule } from "#dag/timetable/timetable.ts";
import { importErrorRow, type Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { readFolder, type FolderPorts } from "./read-folder.ts";
import type { VerbSession } from "./session.ts";

/** What the files declare now, whether or not a scheduler has read them; Airflow's `--local`. */
export async function dagsListLocal(
  session: VerbSession,
  ports: FolderPorts,
  { output }: Form,
  signal: AbortSignal,
): Promise<boolean> {
  const { dags, errors } = await readFolder(ports, undefined, signal);
  const rows = dags.map(({ model, file }) => ({
    dag_id: model.id,
    fileloc: file,
    owners: [...new Set(model.tasks.map((it) => it.owner))].sort().join(", "),
    schedule: summarizeSchedule(model.schedule),
  }));
  session.out(formatRows(rows, output));
  if (errors.length > 0) {
    session.err(`${errors.length} files are broken: gantry dags list-import-errors --local\n`);
  }
  return true;
}

/** @returns whether there are none. */
export async function dagsListImportErrorsLocal(
  session: VerbSession,
  ports: FolderPorts,
  { output }: Form,
  signal: AbortSignal,
): Promise<boolean> {
  const { errors } = await readFolder(ports, undefined, signal);
  session.out(formatRows(errors.map(importErrorRow), output));
  return errors.length === 0;
}
