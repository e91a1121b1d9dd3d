import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Database } from "#sql/database.ts";
import type { Configuration } from "#workflows/configuration.ts";
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
  readonly configuration: Configuration | undefined;
  readonly version: string;
}

/** Serves the REST API of an installation whose schema is up to date. */
export async function openApi(options: ApiServerOptions, world: ApiWorld): Promise<ApiServer> {
  const { metrics, ...rest } = world;
  const { vault, clock, log } = world;
  const tokens = new Tokens(vault.derivedKey("tokens of the REST API"), clock);
  const models = new ModelCache();
  const ports = { ...rest, tokens, models };
  return await openApiServer(options, new ApiHandler(ports, routes, metrics), log);
}
