/** A Redis server as `redis://…` names it. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** `rediss://`. */
  readonly tls: boolean;
}

const example = "redis://user:password@host:6379/0";

/**
 * Reads an address as Celery's `broker_url` has it. @throws {Error} naming what is wrong, without the
 * password.
 */
export function parseRedisAddress(text: string): RedisAddress {
  const url = URL.parse(text);
  if (url === null) throw new Error(`the broker's address is none such as ${example}`);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "redis" && scheme !== "rediss") {
    throw new Error(
      `the broker's address begins with ${scheme}://; there are redis:// and rediss://, and without one the queues are in the database`,
    );
  }
  if (url.hostname === "") throw new Error(`the broker's address names no host: ${example}`);
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (database === undefined) {
    throw new Error(
      `the broker's address ends with ${url.pathname}; a number of a database may be there`,
    );
  }
  for (const [name, value] of url.searchParams) checkParameter(name, value);
  return {
    host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 6_379 : Number(url.port),
    database: Number(database),
    user: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    tls: scheme === "rediss",
  };
}

/** For people: without user and password. */
export function describeRedisAddress({ host, port, database, tls }: RedisAddress): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `${tls ? "rediss" : "redis"}://${name}:${port}/${database}`;
}

/** Celery's only parameter that matters here asks for what is always done. */
function checkParameter(name: string, value: string): void {
  if (name !== "ssl_cert_reqs") {
    throw new Error(`the broker's address has the parameter ${name}, which is not known`);
  }
  if (value !== "required" && value !== "CERT_REQUIRED") {
    throw new Error(
      `the broker's address has ssl_cert_reqs=${value}; certificates are always checked: --broker-tls-ca names who signs the broker's`,
    );
  }
}
