import { readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Database } from "#sql/database.ts";
import { addFirstAccount, firstName } from "#workflows/api/auth/first-account.ts";
import { openApi } from "#workflows/api/open.ts";
import { configurationOf, isConfigurationShown } from "#workflows/configuration.ts";
import type { Vault } from "#workflows/state/vault.ts";
import { firstPasswordFile } from "#main/process/paths.ts";
import { version } from "#main/process/version.ts";
import type { WorkflowApiOptions } from "./api-options.ts";
import type { WorkflowPlaces, WorkflowWhere } from "./installation.ts";

export interface ApiParts {
  readonly places: WorkflowPlaces;
  readonly database: Database;
  readonly vault: Vault;
  readonly log: Logger;
  readonly metrics: MetricRegistry;
}

/** The API as it is reached. */
export interface ServedApi extends AsyncDisposable {
  readonly address: string;
}

/**
 * Serves the REST API, and makes its first account where there is none.
 * @throws {Error} naming the cause, such as a port that is taken.
 */
export async function serveApi(
  options: WorkflowApiOptions & Pick<WorkflowWhere, "database">,
  parts: ApiParts,
): Promise<ServedApi> {
  const { places, database, vault, log, metrics } = parts;
  const file = firstPasswordFile(places.home);
  const isNew = await addFirstAccount(database, systemClock.now(), (password) => {
    writeFileSync(file, `${password}\n`, { mode: 0o600 });
  });
  if (isNew) log.info("the REST API has an account", { name: firstName, passwordFile: file });
  const { apiHost: host, apiPort: port } = options;
  const { logsFolder, dagsFolder } = places;
  const world = { database, clock: systemClock, log, vault, metrics };
  const tls = readTls(options);
  const configured = {
    dagsFolder,
    logsFolder,
    database: options.database,
    apiHost: host,
    apiPort: port,
  };
  const configuration = isConfigurationShown(process.env)
    ? configurationOf({ ...configured, environment: process.env })
    : undefined;
  try {
    const server = await openApi(
      { host, port, tls },
      { ...world, logsFolder, dagsFolder, version, configuration },
    );
    const scheme = tls === undefined ? "http" : "https";
    const address = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${server.port}`;
    log.info("the REST API listens", { address });
    return { address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(`port ${port} of the REST API is taken: choose one with --api-port`, {
      cause: error,
    });
  }
}

function readTls(
  options: WorkflowApiOptions,
): { readonly certificate: string; readonly key: string } | undefined {
  const { apiTlsCert, apiTlsKey } = options;
  if (apiTlsCert === undefined && apiTlsKey === undefined) return undefined;
  if (apiTlsCert === undefined || apiTlsKey === undefined) {
    throw new Error("--api-tls-cert and --api-tls-key belong together");
  }
  return { certificate: readFileSync(apiTlsCert, "utf8"), key: readFileSync(apiTlsKey, "utf8") };
}
