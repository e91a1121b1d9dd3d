import { randomUUID } from "node:crypto";
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { StoreUnavailableError } from "#store/store.ts";
import type { Resource } from "#api/resource.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { badRequest, StatusError, unauthorized } from "#api/status.ts";
import { denied } from "./auth/denial.ts";
import type { ReviewHandler } from "./auth/review/handler.ts";
import type { RegistryCache } from "./cache/registry-cache.ts";
import type { Call } from "./call.ts";
import type { ComputedKind } from "./computed.ts";
import type { ConnectPort } from "./connect-port.ts";
import type { Auditor } from "./audit/auditor.ts";
import type { Trail } from "./audit/trail.ts";
import type {
  Attributes,
  Authenticator,
  Authorizer,
  ImpersonationHeaders,
  UserInfo,
} from "./contract.ts";
import type { HealthCheck } from "./health.ts";
import { headerOf, type ApiRequest, type ApiResponse } from "./http/exchange.ts";
import { whenClosed } from "./http/when-closed.ts";
import { exposeCache } from "./cache-metrics.ts";
import { ApiMetrics } from "./metrics.ts";
import { PlainPaths } from "./plain-paths.ts";
import { parseRequestInfo, type RequestInfo } from "./request-info.ts";
import { ResourceRouter } from "./resource-router.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import { internalError, statusResponse } from "./status-response.ts";

export interface PipelineOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly resources: readonly Resource[];
  readonly computed: readonly ComputedKind[];
  readonly types: TypeTable;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly reviews: ReadonlyMap<string, ReviewHandler>;
  readonly connect: ConnectPort;
  readonly address: string;
  readonly build: string;
  readonly issuer: { readonly configuration: object; readonly keys: object } | undefined;
  readonly checks: readonly HealthCheck[];
  readonly readyChecks: readonly HealthCheck[];
  readonly ready: HealthCheck;
  readonly cache: RegistryCache;
  readonly metrics: MetricRegistry;
  /** Undefined: no audit log is kept. */
  readonly auditor: Auditor | undefined;
  /** By `<group>/<version>/<plural>`. */
  readonly endpoints: ReadonlyMap<string, ResourceEndpoint>;
}

/** Connections that change things; upstream's AuthorizePodWebsocketUpgradeCreatePermission. */
const writing = new Set(["pods/exec", "pods/attach", "pods/portforward"]);

/** What is known of a request before anybody looked at it. */
interface Arrival {
  readonly request: ApiRequest;
  readonly auditId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** What is recorded of it; undefined as long as it is not known who asks, or when it is not. */
  trail: Trail | undefined;
}

/** Every request's way: what is it about, who asks, may they, and who answers. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #metrics: ApiMetrics;
  readonly #paths: PlainPaths;
  readonly #router: ResourceRouter;
  /** Authentication waits for nobody, and a signal for each request costs. */
  readonly #unaborted = new AbortController().signal;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#metrics = new ApiMetrics(options.metrics, servedPaths(options));
    exposeCache(options.metrics, options.cache);
    this.#paths = new PlainPaths(options);
    this.#router = new ResourceRouter(options);
  }

  /** Never rejects: every failure is a response. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    const { clock } = this.#options;
    const since = clock.monotonic();
    const arrival = this.#arrival(request);
    const { auditId } = arrival;
    const info = parseRequestInfo(request.method, request.url);
    this.#metrics.started(info);
    let response: ApiResponse;
    try {
      if (info === undefined) throw badRequest("the path is not valid UTF-8");
      response = await this.#answer(arrival, info);
    } catch (error) {
      response = this.#failure(error, arrival);
    }
    const { status } = response;
    const seconds = (clock.monotonic() - since) / 1_000;
    this.#metrics.finished(request, info, { code: status, seconds });
    // Without the query, which may carry what a proxied service takes for a secret.
    const about = { method: request.method, path: info?.path, status, seconds, id: auditId };
    this.#options.log.debug("request", about);
    const recorded = arrival.trail?.answered(response) ?? response.body;
    const body = this.#metrics.lasting(request, info, recorded);
    return { status, headers: { "audit-id": auditId, ...response.headers }, body };
  }

  /** Requests that take the connection over. @throws {StatusError} before anything was written. */
  async upgrade(request: ApiRequest, socket: Duplex, head: Buffer): Promise<void> {
    const info = parseRequestInfo(request.method, request.url);
    if (info === undefined) throw badRequest("the path is not valid UTF-8");
    const arrival = this.#arrival(request);
    try {
      await this.#connect(arrival, info, { socket, head });
      arrival.trail?.connected(socket);
    } catch (error) {
      const response = this.#failure(error, arrival);
      arrival.trail?.answered(response);
      throw error;
    }
  }

  async #connect(
    arrival: Arrival,
    info: RequestInfo,
    { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  ): Promise<void> {
    const call = await this.#authorized(arrival, info);
    if (writing.has(`${info.resource}/${info.subresource}`)) {
      // A WebSocket begins with a GET, and a right to read must not be enough to run commands.
      this.#authorize(attributesOf(call.user, { ...info, verb: "create" }), arrival.trail);
    }
    const ended = this.#metrics.connected(call.request, info);
    try {
      await this.#router.upgrade(call, socket, head);
    } catch (error) {
      ended();
      throw error;
    }
    whenClosed(socket, ended);
  }

  #arrival(request: ApiRequest): Arrival {
    const receivedAt = this.#options.clock.now();
    return { request, auditId: auditIdOf(request), receivedAt, trail: undefined };
  }

  async #answer(arrival: Arrival, info: RequestInfo): Promise<ApiResponse> {
    const call = await this.#authorized(arrival, info);
    if (info.isResource) return await this.#router.serve(call);
    return await this.#paths.serve(call);
  }

  async #authorized(arrival: Arrival, info: RequestInfo): Promise<Call> {
    const { request } = arrival;
    const caller = await this.#callerOf(arrival, info);
    const trail = this.#options.auditor?.begin({ ...arrival, info, user: caller });
    arrival.trail = trail;
    trail?.received();
    const { authenticator } = this.#options;
    // The parts of this process are who they are.
    const isKnown = request.caller.kind === "known";
    const user = isKnown ? caller : authenticator.impersonate(caller, impersonationOf(request));
    if (user !== caller) trail?.actsAs(user);
    this.#authorize(attributesOf(user, info), trail);
    const annotate = trail?.annotate;
    return { request: trail?.request ?? request, info, user, warnings: [], annotate };
  }

  #authorize(attributes: Attributes, trail: Trail | undefined): void {
    const decision = this.#options.authorizer.authorize(attributes);
    trail?.annotate("authorization.k8s.io/decision", decision.allowed ? "allow" : "forbid");
    trail?.annotate("authorization.k8s.io/reason", decision.reason);
    if (!decision.allowed) throw denied(attributes, decision);
  }

  async #callerOf(arrival: Arrival, info: RequestInfo): Promise<UserInfo> {
    const { caller } = arrival.request;
    if (caller.kind === "known") return caller.user;
    const authorization = headerOf(arrival.request, "authorization");
    const { certificate, certificateFault } = caller;
    try {
      // A token may still prove who it is; a bad certificate alone does not make one anonymous.
      if (certificateFault !== undefined && authorization === undefined) throw unauthorized();
      const credentials = { certificate, authorization };
      return await this.#options.authenticator.authenticate(credentials, this.#unaborted);
    } catch (error) {
      if (error instanceof StatusError) {
        const trail = this.#options.auditor?.begin({ ...arrival, info, user: undefined });
        trail?.unauthenticated(error, attemptedBy(caller, authorization));
      }
      throw error;
    }
  }

  #failure(error: unknown, { request, auditId, trail }: Arrival): ApiResponse {
    if (error instanceof StatusError) return statusResponse(error);
    if (request.signal.aborted) {
      return statusResponse(new StatusError(504, "Timeout", "the request was given up"));
    }
    const known = error instanceof Error ? error : new Error(String(error));
    const { method, url } = request;
    this.#options.log.error("request failed", {
      error: known,
      id: auditId,
      method,
      url,
      stack: known.stack,
    });
    if (!(error instanceof StoreUnavailableError)) {
      trail?.panicked(`APIServer panic'd: ${describeError(error)}`);
      return statusResponse(internalError(auditId));
    }
    // A full disk, or a store that is away: whoever asked can do something about it.
    const message = `Internal error occurred: ${describeError(error)}`;
    return statusResponse(new StatusError(500, "InternalError", message));
  }
}

/** Which resources and subresources there are. */
function servedPaths({
  resources,
  computed,
}: Pick<PipelineOptions, "resources" | "computed">): (info: RequestInfo) => boolean {
  const served = new Set<string>();
  for (const it of [...resources, ...computed.map(({ resource }) => resource)]) {
    const path = `${it.group}/${it.version}/${it.plural}/`;
    served.add(path);
    for (const { name } of it.subresources) served.add(`${path}${name}`);
  }
  return (it) => served.has(`${it.group}/${it.version}/${it.resource}/${it.subresource}`);
}

const noImpersonation = {};

/** How somebody tried to say who it is; upstream: `filters/authn_audit.go`. */
function attemptedBy(
  { certificate, certificateFault }: Extract<ApiRequest["caller"], { readonly kind: "connection" }>,
  authorization: string | undefined,
): string {
  const scheme = authorization?.trim().split(" ")[0]?.toLowerCase() ?? "";
  const methods = ["basic", "bearer"].filter((it) => it === scheme);
  if (certificate !== undefined || certificateFault !== undefined) methods.push("x509");
  if (methods.length === 0) return "Authentication failed, no credentials provided";
  return `Authentication failed, attempted: ${methods.join(", ")}`;
}

function impersonationOf({ headers }: ApiRequest): ImpersonationHeaders {
  const isAsked =
    headers["impersonate-user"] !== undefined ||
    headers["impersonate-group"] !== undefined ||
    headers["impersonate-uid"] !== undefined;
  if (!isAsked) return noImpersonation;
  const found: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("impersonate-") && value !== undefined) found[name] = value;
  }
  return found;
}

function attributesOf(user: UserInfo, info: RequestInfo): Attributes {
  const fieldSelector = info.query.get("fieldSelector");
  return {
    user,
    verb: info.verb,
    group: info.group,
    version: info.version,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
    // What a node may list and watch depends on it.
    ...(fieldSelector === null ? {} : { fieldSelector }),
  };
}

function auditIdOf(request: ApiRequest): string {
  const given = headerOf(request, "audit-id");
  return given !== undefined && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
}
