import { createHash } from "node:crypto";
import type { OpenApiSource } from "#api/openapi/definitions.ts";
import { loadDescriptions } from "#api/openapi/descriptions.ts";
import { encodeGnostic, gnosticMediaTypes } from "#api/openapi/gnostic.ts";
import { openApiV2 } from "#api/openapi/v2.ts";
import { openApiV3, openApiV3Index, openApiV3Path, openApiV3Paths } from "#api/openapi/v3.ts";
import { headerOf, type ApiRequest, type ApiResponse } from "./http/exchange.ts";
import { jsonBody } from "./negotiate/json.ts";

const v3Root = "/openapi/v3";

interface Document {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/**
 * Serves `/openapi/v2` and `/openapi/v3`. A document is made when it is first asked for; its name,
 * the hash, is that of what it is made from, so the index costs nothing.
 */
export class OpenApi {
  readonly #source: Omit<OpenApiSource, "descriptions">;
  readonly #fingerprint: string;
  readonly #documents = new Map<string, Document>();

  /** @param build our own version: with the resources it determines every document. */
  constructor(source: Omit<OpenApiSource, "descriptions">, build: string) {
    this.#source = source;
    const names = source.resources.map((it) => `${openApiV3Path(it)}/${it.plural}`);
    this.#fingerprint = `${build} ${names.join(" ")}`;
  }

  /** The response for a path; undefined when there is none. */
  async serve(
    path: string,
    query: URLSearchParams,
    request: ApiRequest,
  ): Promise<ApiResponse | undefined> {
    if (path === "/openapi/v2") return await this.#v2(request);
    if (path === v3Root || path === `${v3Root}/`) return this.#index(request);
    if (!path.startsWith(`${v3Root}/`)) return undefined;
    return await this.#v3(path.slice(v3Root.length + 1), query, request);
  }

  async #v2(request: ApiRequest): Promise<ApiResponse> {
    const accept = headerOf(request, "accept") ?? "";
    const gnostic = gnosticMediaTypes.find((it) => accept.includes(it));
    const document = await this.#find(gnostic === undefined ? "v2" : "v2 protobuf", (source) => {
      const made = openApiV2(source);
      return gnostic === undefined ? jsonBody(made) : encodeGnostic(made);
    });
    // The older name is no valid media type to Go, so the answer carries the newer one.
    const contentType = gnostic === undefined ? "application/json" : (gnosticMediaTypes[0] ?? "");
    const etag = this.#hash(gnostic === undefined ? "v2" : "v2 protobuf");
    return answer(request, { ...document, contentType }, etag, { vary: "Accept" });
  }

  #index(request: ApiRequest): ApiResponse {
    const hashes = new Map(
      openApiV3Paths(this.#source.resources).map((it) => [it, this.#hash(it)] as const),
    );
    const bytes = jsonBody(openApiV3Index(hashes));
    return answer(request, { contentType: "application/json", bytes }, this.#hash("index"), {});
  }

  async #v3(
    path: string,
    query: URLSearchParams,
    request: ApiRequest,
  ): Promise<ApiResponse | undefined> {
    if (!openApiV3Paths(this.#source.resources).includes(path)) return undefined;
    const hash = this.#hash(path);
    const asked = query.get("hash");
    if (asked !== null && asked !== "" && asked !== hash) {
      const location = `${v3Root}/${path}?hash=${hash}`;
      const body = { kind: "bytes", bytes: new Uint8Array(0) } as const;
      return { status: 301, headers: { location }, body };
    }
    const document = await this.#find(path, (source) => jsonBody(openApiV3(source, path)));
    // A document that is named by its hash never changes.
    const caching =
      asked === hash ? { "cache-control": "public, immutable, max-age=31536000" } : {};
    return answer(request, document, hash, caching);
  }

  async #find(id: string, make: (source: OpenApiSource) => Uint8Array): Promise<Document> {
    const known = this.#documents.get(id);
    if (known !== undefined) return known;
    // Loaded for this and dropped again: nobody else needs them.
    const descriptions = await loadDescriptions();
    const bytes = make({ ...this.#source, descriptions });
    const document = { contentType: "application/json", bytes };
    this.#documents.set(id, document);
    return document;
  }

  #hash(id: string): string {
    const text = `${this.#fingerprint} ${id}`;
    return createHash("sha512").update(text).digest("hex").toUpperCase();
  }
}

function answer(
  request: ApiRequest,
  document: Document,
  hash: string,
  headers: Readonly<Record<string, string>>,
): ApiResponse {
  const etag = `"${hash}"`;
  const isSame = headerOf(request, "if-none-match") === etag;
  const bytes = isSame ? new Uint8Array(0) : document.bytes;
  return {
    status: isSame ? 304 : 200,
    headers: { "content-type": document.contentType, etag, ...headers },
    body: { kind: "bytes", bytes },
  };
}
