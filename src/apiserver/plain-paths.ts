import { Buffer } from "node:buffer";
import { methodNotSupported } from "#api/status.ts";
import { expositionType } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Call } from "./call.ts";
import type { ComputedKind } from "./computed.ts";
import { Discovery } from "./discovery.ts";
import { reportHealth, type HealthCheck } from "./health.ts";
import type { ApiResponse } from "./http/exchange.ts";
import { jsonBody } from "./negotiate/json.ts";
import type { Resource } from "#api/resource.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { OpenApi } from "./openapi.ts";
import { gitVersion, versionDocument } from "./version.ts";

export interface PlainPathsOptions {
  readonly resources: readonly Resource[];
  readonly computed: readonly ComputedKind[];
  readonly address: string;
  readonly build: string;
  readonly issuer: { readonly configuration: object; readonly keys: object } | undefined;
  readonly checks: readonly HealthCheck[];
  readonly readyChecks: readonly HealthCheck[];
  readonly ready: HealthCheck;
  readonly metrics: MetricRegistry;
  readonly types: TypeTable;
}

const ping: HealthCheck = { name: "ping", check: () => undefined };

/** Everything that is not about a resource: discovery, health, version, metrics, the issuer. */
export class PlainPaths {
  readonly #options: PlainPathsOptions;
  readonly #discovery: Discovery;
  readonly #openApi: OpenApi;
  readonly #version: Uint8Array;

  constructor(options: PlainPathsOptions) {
    this.#options = options;
    const served = [...options.resources, ...options.computed.map((it) => it.resource)];
    this.#discovery = new Discovery(served, options.address);
    const { resources, types, build } = options;
    const source = {
      resources,
      table: types,
      custom: new Map(),
      serverVersion: gitVersion(build),
    };
    this.#openApi = new OpenApi(source, build);
    this.#version = jsonBody(versionDocument(build));
  }

  async serve(call: Call): Promise<ApiResponse> {
    const { info, request } = call;
    if (request.method !== "GET" && request.method !== "HEAD") {
      const isKnown = (await this.#find(call)) !== undefined;
      if (isKnown) throw methodNotSupported({ group: "", plural: info.path }, info.verb);
      return pageNotFound();
    }
    return (await this.#find(call)) ?? pageNotFound();
  }

  async #find(call: Call): Promise<ApiResponse | undefined> {
    const { path } = call.info;
    const [, root = ""] = path.split("/");
    switch (root) {
      case "":
        return json(jsonBody({ paths: this.#rootPaths() }));
      case "api":
      case "apis":
        return this.#discovery.serve(path, call.request);
      case "openapi":
        return await this.#openApi.serve(path, call.info.query, call.request);
      case "healthz":
      case "livez":
      case "readyz":
        return this.#health(call, root);
      case "version":
        return json(this.#version);
      case "metrics":
        return text(200, await this.#options.metrics.render(), expositionType);
      case ".well-known":
      case "openid":
        return this.#issuer(path);
      default:
        return undefined;
    }
  }

  #health(call: Call, root: string): ApiResponse {
    const { checks, readyChecks, ready } = this.#options;
    const all = [ping, ...checks, ...(root === "readyz" ? [...readyChecks, ready] : [])];
    const report = reportHealth(call.info.path, call.info.query, all);
    return text(report.status, report.text, "text/plain; charset=utf-8");
  }

  #issuer(path: string): ApiResponse | undefined {
    const { issuer } = this.#options;
    if (issuer === undefined) return undefined;
    if (path === "/.well-known/openid-configuration") return json(jsonBody(issuer.configuration));
    if (path !== "/openid/v1/jwks") return undefined;
    const headers = { "content-type": "application/jwk-set+json" };
    return { status: 200, headers, body: { kind: "bytes", bytes: jsonBody(issuer.keys) } };
  }

  #rootPaths(): string[] {
    const versions = new Set<string>();
    for (const { group, version } of this.#options.resources) {
      if (group === "") versions.add(`/api/${version}`);
      else versions.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
    }
    const fixed = ["/api", "/apis", "/healthz", "/livez", "/metrics", "/readyz", "/version"];
    const documents = ["/openapi/v2", "/openapi/v3", "/openid/v1/jwks"];
    return [...fixed, ...documents, "/.well-known/openid-configuration", ...versions].sort();
  }
}

/** What upstream says for a path that nobody serves; clients match the text. */
export function pageNotFound(): ApiResponse {
  return text(404, "404 page not found\n", "text/plain; charset=utf-8");
}

function json(bytes: Uint8Array): ApiResponse {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
    body: { kind: "bytes", bytes },
  };
}

function text(status: number, body: string, contentType: string): ApiResponse {
  return {
    status,
    headers: {
      "content-type": contentType,
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache, private",
    },
    body: { kind: "bytes", bytes: Buffer.from(body) },
  };
}
