import { listImportErrors } from "#workflows/state/dags.ts";
import { requestParsing } from "#workflows/state/parse-requests.ts";
import { created } from "#workflows/api/exchange.ts";
import { notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { fileOf } from "#workflows/api/shapes/dags.ts";
import { inPath } from "./find.ts";

/** Has a DAG's file read at once. */
export const parsingRoute: Route = route({
  method: "PUT",
  path: "/parseDagFile/{file_token}",
  subject: "dag",
  handle: async (call) => {
    const { database } = call.ports;
    const file = fileOf(inPath(call, "file_token"));
    const dags = await database.rows("select dag_id from dag where file = ? and active = 1", file);
    const isBroken = (await listImportErrors(database)).some((it) => it.file === file);
    if (dags.length === 0 && !isBroken) throw notFound("File not found");
    await requestParsing(database, [file]);
    return created(null);
  },
});
