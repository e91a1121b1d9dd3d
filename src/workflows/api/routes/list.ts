import type { Route } from "#workflows/api/routing.ts";
import { assetQueueRoutes } from "./asset-queue.ts";
import { assetRoutes } from "./assets.ts";
import { backfillRoutes } from "./backfills.ts";
import { bulkInstancesRoute } from "./bulk-instances.ts";
import { bulkRunsRoute } from "./bulk-runs.ts";
import { clearRunRoutes } from "./clear-runs.ts";
import { clearRoute } from "./clear.ts";
import { configurationRoutes } from "./configuration.ts";
import { connectionRoutes } from "./connections.ts";
import { dagPartRoutes } from "./dag-parts.ts";
import { deadlineRoute } from "./deadlines.ts";
import { poolRoutes } from "./pools.ts";
import { recordRoutes } from "./records.ts";
import { dagRunRoutes } from "./dag-runs.ts";
import { dagRoutes } from "./dags.ts";
import { logRoutes } from "./logs.ts";
import { humanInputRoutes } from "./human-input.ts";
import { parsingRoute } from "./parsing.ts";
import { patchInstanceRoutes } from "./patch-instances.ts";
import { taskInstanceRoutes } from "./task-instances.ts";
import { triggerRoute } from "./trigger.ts";
import { triesRoutes } from "./tries.ts";
import { waitRoute } from "./wait.ts";
import { xcomRoutes } from "./xcoms.ts";
import { systemRoutes } from "./system.ts";
import { variableRoutes } from "./variables.ts";

/** Every operation of the API. */
export const routes: readonly Route[] = [
  ...dagRoutes,
  ...dagRunRoutes,
  triggerRoute,
  bulkRunsRoute,
  waitRoute,
  deadlineRoute,
  ...taskInstanceRoutes,
  ...patchInstanceRoutes,
  bulkInstancesRoute,
  ...humanInputRoutes,
  clearRoute,
  ...clearRunRoutes,
  ...backfillRoutes,
  ...assetRoutes,
  ...assetQueueRoutes,
  ...triesRoutes,
  ...logRoutes,
  ...xcomRoutes,
  ...dagPartRoutes,
  ...connectionRoutes,
  ...poolRoutes,
  ...recordRoutes,
  ...variableRoutes,
  ...systemRoutes,
  ...configurationRoutes,
  parsingRoute,
];
