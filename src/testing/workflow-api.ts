import { request } from "node:http";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import type { Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import type { Role } from "#workflows/api/auth/roles.ts";
import { Tokens, tokenLifetimeMs } from "#workflows/api/auth/tokens.ts";
import { openApi } from "#workflows/api/open.ts";
import { addAccount, findAccount } from "#workflows/state/accounts.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { migrations } from "#workflows/state/schema.ts";
import type { Configuration } from "#workflows/configuration.ts";
import { Vault } from "#workflows/state/vault.ts";

/** What a request was answered with. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The text as JSON; undefined when it is none. */
  readonly json: Record<string, unknown>;
}

export interface Sent {
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The REST API of workflows over a database in memory, on a port of its own. */
export interface TestWorkflowApi extends AsyncDisposable {
  readonly database: Database;
  readonly vault: Vault;
  readonly metrics: MetricRegistry;
  readonly port: number;
  /** As `admin`, unless a token says otherwise. */
  send(method: string, path: string, sent?: Sent): Promise<Answered>;
  tokenOf(role: Role): Promise<string>;
  addDag(dag: Dag, file?: string): Promise<void>;
}

const adminPassword = "correct horse battery staple";
/** Of it; making one takes long. */
const passwordHash = "scrypt:TFR9pDFAK76R2Nj8f07sXA==:m3QJpZionqLMVYrGW9MMR8C5t2WdgmDE87ZiDBtI7dg=";

/** Opens it with the accounts viewer, user, op and admin. */
export async function openTestWorkflowApi(
  given: { readonly logsFolder?: string; readonly configuration?: Configuration } = {},
): Promise<TestWorkflowApi> {
  const database = openSqlite(":memory:");
  await migrate(database, migrations);
  const vault = new Vault(Buffer.alloc(32, 7));
  const metrics = new MetricRegistry();
  const { logsFolder = "/nowhere", configuration } = given;
  const world = { database, clock: systemClock, log: silentLogger, vault, metrics };
  const server = await openApi(
    { host: "127.0.0.1", port: 0, tls: undefined },
    { ...world, logsFolder, dagsFolder: "/dags", version: "1.2.3", configuration },
  );
  for (const role of ["viewer", "user", "op", "admin"]) {
    await addAccount(database, { name: role, role, passwordHash, changedAt: 1 });
  }
  const tokens = new Tokens(vault.derivedKey("tokens of the REST API"), systemClock);
  async function tokenOf(role: Role): Promise<string> {
    const account = await findAccount(database, role);
    if (account === undefined) throw new Error(`no account ${role}`);
    return await tokens.issue(account, tokenLifetimeMs);
  }
  const admin = await tokenOf("admin");
  return {
    database,
    vault,
    metrics,
    port: server.port,
    tokenOf,
    send: (method, path, sent = {}) =>
      exchange({ port: server.port, method, path }, { token: admin, ...sent }),
    addDag: async (dag, file = "dags.ts") => {
      const at = { now: systemClock.now(), pausedAtCreation: false };
      const hash = `hash of ${dag.model.id}`;
      await saveDag(database, { model: dag.model, file, hash, bundle: "bundle" }, at);
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

function exchange(
  to: { readonly port: number; readonly method: string; readonly path: string },
  { body, token, headers = {} }: Sent,
): Promise<Answered> {
  const content =
    body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        ...to,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(content === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: asJson(text),
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(content);
  });
}

function asJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** What the accounts of the test API log in with. */
export const testPassword = adminPassword;
