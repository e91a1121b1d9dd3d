import type { MetricRegistry } from "#base/metrics/registry.ts";
import { expositionType } from "#base/metrics/exposition.ts";
import { SqlError } from "#sql/database.ts";
import type { Json } from "#api/object.ts";
import { Login } from "./auth/login.ts";
import { isAllowed, type User } from "./auth/roles.ts";
import { commandTokenLifetimeMs, tokenLifetimeMs } from "./auth/tokens.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import type { ApiPorts } from "./ports.ts";
import { ApiProblem, notFound } from "./problem.ts";
import { RouteTable, type Route } from "./routing.ts";

const prefix = "/api/v2";

/** What the handler is given of a request; who sends it is found out here. */
export interface RawRequest extends Omit<ApiRequest, "user"> {
  readonly method: string;
  /** Without `Bearer `; undefined when there is none. */
  readonly token: string | undefined;
  readonly isLocal: boolean;
}

/** Answers requests of the REST API, of logins and for metrics. Never rejects. */
export class ApiHandler {
  readonly #ports: ApiPorts;
  readonly #table: RouteTable;
  readonly #login: Login;
  readonly #metrics: MetricRegistry;

  constructor(ports: ApiPorts, routes: readonly Route[], metrics: MetricRegistry) {
    this.#ports = ports;
    this.#table = new RouteTable(routes);
    this.#login = new Login(ports);
    this.#metrics = metrics;
  }

  async answer(request: RawRequest): Promise<Answer> {
    try {
      return await this.#answer(request);
    } catch (error) {
      return this.#problem(error);
    }
  }

  async #answer(request: RawRequest): Promise<Answer> {
    const { path, method } = request;
    if (path.startsWith(`${prefix}/`)) return await this.#operation(request);
    if (path === "/auth/token" || path === "/auth/token/cli") {
      if (method !== "POST") throw new ApiProblem(405, "Method Not Allowed", { allow: "POST" });
      const lifetimeMs = path.endsWith("/cli") ? commandTokenLifetimeMs : tokenLifetimeMs;
      return await this.#login.answer({ ...request, user: undefined }, lifetimeMs);
    }
    if (path === "/metrics" && method === "GET") return await this.#showMetrics(request);
    throw notFound("Not Found");
  }

  async #operation(request: RawRequest): Promise<Answer> {
    const { method } = request;
    const segments = segmentsOf(request.path.slice(prefix.length));
    const match = segments === undefined ? undefined : this.#table.find(method, segments);
    if (match === undefined || match.kind === "none") throw notFound("Not Found");
    if (match.kind === "method") {
      throw new ApiProblem(405, "Method Not Allowed", { allow: match.allowed.join(", ") });
    }
    const { route, path } = match;
    const user = route.subject === undefined ? nobody : await this.#userOf(request);
    if (route.subject !== undefined) {
      const isRead = method === "GET" || route.reads === true;
      if (!isAllowed(user.role, route.subject, isRead)) throw new ApiProblem(403, "Forbidden");
    }
    return await route.answer({ path, user, request: { ...request, user }, ports: this.#ports });
  }

  async #userOf({ token }: RawRequest): Promise<User> {
    const challenge = { "www-authenticate": "Bearer" };
    if (token === undefined) throw new ApiProblem(401, "Not authenticated", challenge);
    const user = await this.#ports.tokens.verify(this.#ports.database, token);
    if (user === undefined) throw new ApiProblem(401, "Invalid JWT token", challenge);
    return user;
  }

  /** Scrapers of this machine need no token; names of DAGs are nobody else's business. */
  async #showMetrics(request: RawRequest): Promise<Answer> {
    if (!request.isLocal) await this.#userOf(request);
    const text = await this.#metrics.render();
    return { status: 200, body: { kind: "text", type: expositionType, text } };
  }

  #problem(error: unknown): Answer {
    if (error instanceof ApiProblem) {
      const value: Json = { detail: error.detail as Json };
      return { status: error.status, headers: error.headers, body: { kind: "json", value } };
    }
    this.#ports.log.error("a request failed", { error: error as Error });
    const isAway = error instanceof SqlError && error.unavailable;
    const detail = isAway ? "The database does not answer" : "Internal Server Error";
    return { status: isAway ? 503 : 500, body: { kind: "json", value: { detail } } };
  }
}

const nobody: User = { name: "", role: "viewer" };

/** The decoded parts of a path; undefined when it is not well formed. */
function segmentsOf(path: string): readonly string[] | undefined {
  try {
    const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    return trimmed.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
