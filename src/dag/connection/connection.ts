import type { Json, JsonObject } from "#api/object.ts";

/** How to reach something outside: Airflow's connection. What is not known is undefined. */
export interface Connection {
  readonly id: string;
  readonly type: string;
  readonly host?: string | undefined;
  readonly login?: string | undefined;
  readonly password?: string | undefined;
  readonly schema?: string | undefined;
  readonly port?: number | undefined;
  /** Further settings, usually JSON. */
  readonly extra?: string | undefined;
  readonly description?: string | undefined;
}

/** Most characters of a connection's text. */
export const connectionLengthMax = 262_144;

/**
 * Reads what `AIRFLOW_CONN_<ID>` holds: a URI, or a JSON object. As Airflow's `Connection`.
 * @throws {Error} naming the connection, never quoting the text, which may hold a password.
 */
export function parseConnection(id: string, text: string): Connection {
  if (text.length > connectionLengthMax) throw new Error(`connection ${id}: the text is too long`);
  return text.trimStart().startsWith("{") ? fromJson(id, text) : fromUri(id, text);
}

function normalType(type: string): string {
  return type === "postgresql" ? "postgres" : type.replaceAll("-", "_");
}

function fromUri(id: string, uri: string): Connection {
  const schemes = uri.split("://").length - 1;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase() ?? "";
  if (schemes > 2) throw new Error(`connection ${id}: more than two '://' in its URI`);
  const rest = schemes === 2 ? uri.slice(scheme.length + 3) : uri;
  const [before = ""] = rest.split("://");
  if (schemes === 2 && /[@:]/.test(before)) {
    throw new Error(`connection ${id}: its URI has a login before the host's protocol`);
  }
  const parts = splitUrl(rest);
  const host = hostOf(parts.netloc);
  const { login, password } = credentials(parts.netloc);
  return {
    id,
    type: normalType(scheme),
    host: schemes === 2 && parts.scheme !== "" ? `${parts.scheme}://${host ?? ""}` : host,
    login,
    password,
    schema: decode(parts.path.slice(1)),
    port: portOf(id, parts.netloc),
    extra: extraOf(parts.query),
  };
}

interface UrlParts {
  readonly scheme: string;
  readonly netloc: string;
  readonly path: string;
  readonly query: string;
}

/** As Python's `urlsplit`, which takes any text apart. */
function splitUrl(url: string): UrlParts {
  const [, scheme = "", rest = url] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(url) ?? [];
  const [withoutFragment = ""] = rest.split("#");
  const at = withoutFragment.indexOf("?");
  const query = at < 0 ? "" : withoutFragment.slice(at + 1);
  const main = at < 0 ? withoutFragment : withoutFragment.slice(0, at);
  if (!main.startsWith("//"))
    return { scheme: scheme.toLowerCase(), netloc: "", path: main, query };
  const slash = main.indexOf("/", 2);
  const netloc = slash < 0 ? main.slice(2) : main.slice(2, slash);
  return { scheme: scheme.toLowerCase(), netloc, path: slash < 0 ? "" : main.slice(slash), query };
}

function addressOf(netloc: string): string {
  return netloc.slice(netloc.lastIndexOf("@") + 1);
}

/** In small letters, unless it is a path. */
function hostOf(netloc: string): string | undefined {
  const address = addressOf(netloc);
  const bracketed = /^\[([^\]]*)\]/.exec(address)?.[1];
  const host = bracketed ?? address.split(":")[0] ?? "";
  const decoded = decode(host);
  return decoded.includes("/") ? decoded : decoded.toLowerCase();
}

function portOf(id: string, netloc: string): number | undefined {
  const address = addressOf(netloc).replace(/^\[[^\]]*\]/, "");
  const text = address.includes(":") ? address.slice(address.indexOf(":") + 1) : "";
  if (text === "") return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`connection ${id}: bad port in its URI`);
}

function credentials(netloc: string): Pick<Connection, "login" | "password"> {
  const at = netloc.lastIndexOf("@");
  if (at < 0) return { login: undefined, password: undefined };
  const [login = "", ...password] = netloc.slice(0, at).split(":");
  return {
    login: decode(login),
    password: password.length === 0 ? undefined : decode(password.join(":")),
  };
}

/** Percent sequences become what they stand for; broken ones stay. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) =>
    new TextDecoder().decode(
      Uint8Array.from(bytes.slice(1).split("%"), (it) => Number.parseInt(it, 16)),
    ),
  );
}

function extraOf(query: string): string | undefined {
  if (query === "") return undefined;
  const pairs = query
    .split("&")
    .filter((it) => it !== "")
    .map((it) => {
      const at = it.indexOf("=");
      const [name, value] = at < 0 ? [it, ""] : [it.slice(0, at), it.slice(at + 1)];
      return [decode(name.replaceAll("+", " ")), decode(value.replaceAll("+", " "))] as const;
    });
  const whole = pairs.findLast(([name]) => name === "__extra__");
  if (whole !== undefined) return whole[1];
  return JSON.stringify(Object.fromEntries(pairs.map(([name, it]) => [name, jsonOrText(it)])));
}

/** A setting that is written as JSON is that. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function fromJson(id: string, text: string): Connection {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`connection ${id}: it begins with '{' but is not JSON`);
  }
  const fields = value as JsonObject;
  const known = [
    "conn_type",
    "host",
    "login",
    "password",
    "schema",
    "port",
    "extra",
    "description",
  ];
  const unknown = Object.keys(fields).find((it) => !known.includes(it));
  if (unknown !== undefined) throw new Error(`connection ${id}: unknown field '${unknown}'`);
  const { extra } = fields;
  return {
    id,
    type: normalType(jsonText(fields["conn_type"]) ?? ""),
    host: jsonText(fields["host"]),
    login: jsonText(fields["login"]),
    password: jsonText(fields["password"]),
    schema: jsonText(fields["schema"]),
    port: jsonPort(id, fields["port"]),
    extra:
      extra === undefined || extra === null
        ? undefined
        : typeof extra === "string"
          ? extra
          : JSON.stringify(extra),
    description: jsonText(fields["description"]),
  };
}

function jsonText(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function jsonPort(id: string, value: Json | undefined): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0) return port;
  throw new Error(`connection ${id}: its port is not a whole number`);
}

/** The URI that stands for a connection; reading it gives the same connection. */
export function formatConnection(connection: Connection): string {
  const { type, host = "", login, password, schema = "", port, extra } = connection;
  const credentials =
    login === undefined && password === undefined
      ? ""
      : `${encodeURIComponent(login ?? "")}${password === undefined ? "" : `:${encodeURIComponent(password)}`}@`;
  const at = host.indexOf("://");
  const [protocol, bare] = at < 0 ? [undefined, host] : [host.slice(0, at), host.slice(at + 3)];
  const address = `${protocol === undefined ? "" : `${protocol}://`}${credentials}${encodeURIComponent(bare)}${port === undefined ? "" : `:${port}`}`;
  const path = schema === "" ? "" : `/${encodeURIComponent(schema)}`;
  const slash = path === "" && extra !== undefined ? "/" : path;
  return `${type.replaceAll("_", "-")}://${address}${slash}${formatExtra(extra)}`;
}

function formatExtra(extra: string | undefined): string {
  if (extra === undefined || extra === "") return "";
  const flat = flatStrings(extra);
  if (flat === undefined) return `?__extra__=${encodeURIComponent(extra)}`;
  const pairs = flat.map(([name, it]) => `${encodeURIComponent(name)}=${encodeURIComponent(it)}`);
  return pairs.length === 0 ? "?__extra__=%7B%7D" : `?${pairs.join("&")}`;
}

/** The entries of an object that has texts only, in its own spelling; else undefined. */
function flatStrings(extra: string): [string, string][] | undefined {
  try {
    const value: unknown = JSON.parse(extra);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).flatMap(([name, it]) =>
      // One that would be read as JSON must be written as JSON.
      typeof it === "string" && jsonOrText(it) === it ? [[name, it] as [string, string]] : [],
    );
    return entries.length === Object.keys(value).length ? entries : undefined;
  } catch {
    return undefined;
  }
}

/** The settings of `extra`; nothing when it is not a JSON object. */
export function extraSettings(connection: Connection): JsonObject {
  try {
    const value: unknown = JSON.parse(connection.extra ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : {};
  } catch {
    return {};
  }
}
