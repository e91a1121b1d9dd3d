import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Database } from "#sql/database.ts";
import type { Vault } from "#workflows/state/vault.ts";
import { Tokens } from "./auth/tokens.ts";
import { ApiHandler } from "./handler.ts";
import { ModelCache } from "./models.ts";
import { routes } from "./routes/list.ts";
import { openApiServer, type ApiServer, type ApiServerOptions } from "./server.ts";

/** What the API needs of an installation. */
export interface ApiWorld {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly vault: Vault;
  /** Shown at `/metrics`. */
  readonly metrics: MetricRegistry;
  readonly logsFolder: string;
  readonly dagsFolder: string;
  readonly version: string;
}

/** Serves the REST API of an installation whose schema is up to date. */
export async function openApi(options: ApiServerOptions, world: ApiWorld): Promise<ApiServer> {
  const { database, clock, log, vault, logsFolder, dagsFolder, version } = world;
  const tokens = new Tokens(vault.derivedKey("tokens of the REST API"), clock);
  const models = new ModelCache();
  const ports = { database, clock, log, vault, tokens, models, logsFolder, dagsFolder, version };
  return await openApiServer(options, new ApiHandler(ports, routes, world.metrics), log);
}
