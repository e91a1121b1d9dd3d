import { listSchedulers } from "#workflows/state/jobs.ts";
import { schedulerSilenceMs } from "#workflows/scheduler/silence.ts";
import { ok } from "#workflows/api/exchange.ts";
import { integer, withDefault } from "#workflows/api/fields.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { moment } from "#workflows/api/shapes/values.ts";

/** The release whose API's paths and shapes these are. */
const airflowVersion = "3.3.2";

const paging = {
  limit: withDefault(integer({ min: 0 }), 50),
  offset: withDefault(integer({ min: 0 }), 0),
};

/** Lists of what there is none of: plugins and providers are part of the program here. */
const empty: readonly (readonly [path: string, name: string])[] = [
  ["/plugins", "plugins"],
  ["/plugins/importErrors", "import_errors"],
  ["/providers", "providers"],
];

/** What tells of the installation itself. */
export const systemRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/version",
    subject: undefined,
    handle: async ({ ports }) =>
      ok({ version: airflowVersion, git_version: `gantry ${ports.version}` }),
  }),
  route({
    method: "GET",
    path: "/monitor/health",
    subject: undefined,
    handle: async ({ ports }) => {
      const seen = await lastSign(ports).catch(() => undefined);
      const isAlive = seen?.at !== undefined && ports.clock.now() - seen.at < schedulerSilenceMs;
      const status = isAlive ? "healthy" : "unhealthy";
      const heartbeat = moment(seen?.at);
      return ok({
        metadatabase: { status: seen === undefined ? "unhealthy" : "healthy" },
        scheduler: { status, latest_scheduler_heartbeat: heartbeat },
        // Both are parts of the scheduler's process.
        triggerer: { status, latest_triggerer_heartbeat: heartbeat },
        dag_processor: { status, latest_dag_processor_heartbeat: heartbeat },
      });
    },
  }),
  ...empty.map(([path, name]) =>
    route({
      method: "GET",
      path,
      subject: "view",
      query: paging,
      handle: async () => ok({ [name]: [], total_entries: 0 }),
    }),
  ),
];

/** When any scheduler was last heard of. @throws {SqlError} */
async function lastSign({
  database,
}: {
  readonly database: Parameters<typeof listSchedulers>[0];
}): Promise<{ readonly at: number | undefined }> {
  const signs = (await listSchedulers(database)).map((it) => it.seenAt);
  return { at: signs.length === 0 ? undefined : Math.max(...signs) };
}
