import type { Route } from "#workflows/api/routing.ts";
import { assetRoutes } from "./assets.ts";
import { backfillRoutes } from "./backfills.ts";
import { clearRoutes } from "./clear.ts";
import { connectionRoutes } from "./connections.ts";
import { dagPartRoutes } from "./dag-parts.ts";
import { deadlineRoute } from "./deadlines.ts";
import { poolRoutes } from "./pools.ts";
import { recordRoutes } from "./records.ts";
import { dagRunRoutes } from "./dag-runs.ts";
import { dagRoutes } from "./dags.ts";
import { logRoutes } from "./logs.ts";
import { taskInstanceRoutes } from "./task-instances.ts";
import { triesRoutes } from "./tries.ts";
import { waitRoute } from "./wait.ts";
import { xcomRoutes } from "./xcoms.ts";
import { systemRoutes } from "./system.ts";
import { variableRoutes } from "./variables.ts";

/** Every operation of the API. */
export const routes: readonly Route[] = [
  ...dagRoutes,
  ...dagRunRoutes,
  waitRoute,
  deadlineRoute,
  ...taskInstanceRoutes,
  ...clearRoutes,
  ...backfillRoutes,
  ...assetRoutes,
  ...triesRoutes,
  ...logRoutes,
  ...xcomRoutes,
  ...dagPartRoutes,
  ...connectionRoutes,
  ...poolRoutes,
  ...recordRoutes,
  ...variableRoutes,
  ...systemRoutes,
];
