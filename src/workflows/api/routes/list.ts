import type { Route } from "#workflows/api/routing.ts";
import { dagRunRoutes } from "./dag-runs.ts";
import { dagRoutes } from "./dags.ts";
import { systemRoutes } from "./system.ts";
import { variableRoutes } from "./variables.ts";

/** Every operation of the API. */
export const routes: readonly Route[] = [
  ...dagRoutes,
  ...dagRunRoutes,
  ...variableRoutes,
  ...systemRoutes,
];
