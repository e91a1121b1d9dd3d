import type { JsonObject } from "#api/object.ts";
import {
  deleteQueuedAssets,
  listQueuedAssets,
  type QueuedAsset,
  type QueueFilter,
} from "#workflows/state/asset-queue.ts";
import { noContent, ok } from "#workflows/api/exchange.ts";
import { date } from "#workflows/api/fields.ts";
import { notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { moment, numberFor } from "#workflows/api/shapes/values.ts";
import { assetId, assetNamed } from "./assets.ts";
import { inPath } from "./find.ts";

const query = { before: date() };
type QueueCall = Call<{ readonly before: number | undefined }>;

/** What the path and the query ask for: of a DAG, of an asset, or of both. */
async function filterOf(call: QueueCall): Promise<QueueFilter> {
  const ofAsset = call.path["asset_id"] !== undefined;
  return {
    dagId: call.path["dag_id"],
    // No asset has no name.
    asset: ofAsset ? ((await assetNamed(call.ports.database, assetId(call))) ?? "") : undefined,
    before: call.query.before,
  };
}

function shape(it: QueuedAsset): JsonObject {
  return {
    dag_id: it.dagId,
    asset_id: numberFor(it.asset),
    created_at: moment(it.at),
    dag_display_name: it.dagId,
  };
}

function missing(call: QueueCall): Error {
  const dag = inPath(call, "dag_id");
  const asset = inPath(call, "asset_id");
  if (dag !== "" && asset !== "") {
    return notFound(
      `Queued event with dag_id: \`${dag}\` and asset_id: \`${asset}\` was not found`,
    );
  }
  const about = dag === "" ? `asset_id: \`${asset}\`` : `dag_id: \`${dag}\``;
  return notFound(`Queue event with ${about} was not found`);
}

const paths = [
  "/assets/{asset_id}/queuedEvents",
  "/dags/{dag_id}/assets/queuedEvents",
  "/dags/{dag_id}/assets/{asset_id}/queuedEvents",
] as const;
const [, , single] = paths;

/** What was made for DAGs that wait for more. */
export const assetQueueRoutes: readonly Route[] = paths.flatMap((path) => [
  route({
    method: "GET",
    path,
    subject: "asset",
    query,
    handle: async (call) => {
      const found = await listQueuedAssets(call.ports.database, await filterOf(call));
      const [first] = found;
      if (path !== single)
        return ok({ queued_events: found.map(shape), total_entries: found.length });
      if (first === undefined) throw missing(call);
      return ok(shape(first));
    },
  }),
  route({
    method: "DELETE",
    path,
    subject: "asset",
    query,
    handle: async (call) => {
      if ((await deleteQueuedAssets(call.ports.database, await filterOf(call))) > 0) {
        return noContent;
      }
      throw missing(call);
    },
  }),
]);
