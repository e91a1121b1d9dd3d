import type { Connection } from "#dag/connection/connection.ts";
import { describeError } from "#base/log.ts";
import { mailSettings } from "./email.ts";
import { baseOf, basicToken } from "./http.ts";
import { openDatabase } from "./sql.ts";

/** Longest that a server is waited for. */
const timeoutMs = 30_000;

/** Whether a connection works, and what is said of it, as Airflow's hooks do. */
export interface ConnectionTest {
  readonly works: boolean;
  readonly message: string;
}

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

/** Tries the server of a connection: `select 1`, `GET /`, or the greeting of a mail server. Never throws. */
export async function testConnection(
  connection: Connection,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<ConnectionTest> {
  const test = tests[connection.type];
  if (test === undefined) {
    const known = Object.keys(tests).join(", ");
    const message = `connections of type '${connection.type}' cannot be tested; those of ${known} can`;
    return { works: false, message };
  }
  try {
    await test(connection, fetch, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    return { works: true, message: "Connection successfully tested" };
  } catch (error) {
    return { works: false, message: describeError(error) };
  }
}

const tests: Readonly<
  Record<string, (it: Connection, fetch: Fetch, signal: AbortSignal) => Promise<void>>
> = {
  sqlite: testDatabase,
  postgres: testDatabase,
  http: testServer,
  https: testServer,
  smtp: testMail,
};

async function testDatabase(connection: Connection): Promise<void> {
  await using database = await openDatabase(connection);
  await database.rows("select 1 as one");
}

async function testServer(
  connection: Connection,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<void> {
  const token = basicToken(connection);
  const headers = token === undefined ? undefined : { authorization: `Basic ${token}` };
  const response = await fetch(`${baseOf(connection)}/`, {
    ...(headers === undefined ? {} : { headers }),
    signal,
  });
  await response.body?.cancel();
  if (response.status >= 400) throw new Error(`${response.status}:${response.statusText}`);
}

async function testMail(connection: Connection): Promise<void> {
  const { createTransport } = await import("nodemailer");
  const transport = createTransport(mailSettings(connection).server);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}
