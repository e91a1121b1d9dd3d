import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Database } from "#sql/database.ts";
import type { Configuration } from "#workflows/configuration.ts";
import type { Vault } from "#workflows/state/vault.ts";
import type { Tokens } from "./auth/tokens.ts";
import type { ModelCache } from "./models.ts";

/** What the operations of the API work with. */
export interface ApiPorts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly vault: Vault;
  readonly tokens: Tokens;
  readonly models: ModelCache;
  readonly logsFolder: string;
  readonly dagsFolder: string;
  /** The installation's settings; undefined: they are not to be shown. */
  readonly configuration: Configuration | undefined;
  /** Our own version. */
  readonly version: string;
}
