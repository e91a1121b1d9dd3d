/**
 * What a request is about, from its method and URL alone. Upstream:
 * `apiserver/pkg/endpoints/request/requestinfo.go`.
 */
export interface RequestInfo {
  /** Decoded path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** False for `/healthz`, discovery and the like; the fields below `verb` are then empty. */
  readonly isResource: boolean;
  /** `list`, `create`…; the method in lower case where it is not about a resource. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Empty for cluster-scoped kinds and for all namespaces; a namespace's own name for itself. */
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows the subresource, for `proxy`: `a/b`; undefined when nothing does. */
  readonly rest: string | undefined;
}

const noQuery = new URLSearchParams();
/** Subresources of `namespaces`, which look like the resources of a namespace otherwise. */
const namespaceSubresources = new Set(["status", "finalize"]);
const verbsByMethod: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Pure; `undefined` when the URL cannot be decoded. */
export function parseRequestInfo(method: string, url: string): RequestInfo | undefined {
  const at = url.indexOf("?");
  const rawPath = at < 0 ? url : url.slice(0, at);
  const query = at < 0 ? noQuery : new URLSearchParams(url.slice(at + 1));
  const path = decodePath(rawPath);
  if (path === undefined) return undefined;
  const parts = segmentsOf(rawPath);
  return resourceInfo(method, path, query, parts) ?? plainInfo(method, path, query);
}

function plainInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  return {
    path,
    query,
    isResource: false,
    verb: method.toLowerCase(),
    group: "",
    version: "",
    namespace: "",
    resource: "",
    name: "",
    subresource: "",
    rest: undefined,
  };
}

function resourceInfo(
  method: string,
  path: string,
  query: URLSearchParams,
  parts: readonly string[],
): RequestInfo | undefined {
  const [prefix] = parts;
  if (prefix !== "api" && prefix !== "apis") return undefined;
  const groupParts = prefix === "api" ? 0 : 1;
  const group = prefix === "api" ? "" : (parts[1] ?? "");
  const version = parts[1 + groupParts] ?? "";
  let rest = parts.slice(2 + groupParts);
  if (rest.length === 0) return undefined;
  let verb = verbsByMethod[method] ?? "";
  // The older form of a watch: /api/v1/watch/namespaces/default/pods.
  const isOldWatch = rest[0] === "watch" && rest.length > 1;
  if (isOldWatch) {
    verb = "watch";
    rest = rest.slice(1);
  }
  let namespace = "";
  if (rest[0] === "namespaces" && rest[1] !== undefined) {
    namespace = rest[1];
    if (rest[2] !== undefined && !namespaceSubresources.has(rest[2])) rest = rest.slice(2);
  }
  const [resource = "", pathName = "", subresource = "", ...tail] = rest;
  let name = pathName;
  if (name === "" && verb === "get") {
    verb = isTrue(query.get("watch")) ? "watch" : "list";
  }
  if (name === "" && (verb === "list" || verb === "watch")) name = namedBy(query) ?? "";
  if (name === "" && verb === "delete") verb = "deletecollection";
  return {
    path,
    query,
    isResource: true,
    verb,
    group,
    version,
    namespace,
    resource,
    name,
    subresource: isOldWatch ? "" : subresource,
    rest: rest.length > 3 ? tail.join("/") : trailingSlash(path, rest.length),
  };
}

/** `proxy/` differs from `proxy` for what is behind it. */
function trailingSlash(path: string, parts: number): string | undefined {
  return parts === 3 && path.endsWith("/") ? "" : undefined;
}

/** Authorization by name covers a list that names one object. */
function namedBy(query: URLSearchParams): string | undefined {
  const selector = query.get("fieldSelector");
  if (selector === null || !selector.includes("metadata.name")) return undefined;
  for (const term of selector.split(",")) {
    const name = /^metadata\.name={1,2}([^=!,]+)$/.exec(term.trim())?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}

/** A boolean query parameter as upstream reads it: present means true unless it says false. */
export function isTrue(value: string | null): boolean {
  if (value === null) return false;
  const lower = value.toLowerCase();
  return lower !== "false" && lower !== "0";
}

function decodePath(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Decoded one by one, so that an escaped slash stays within its segment. */
function segmentsOf(path: string): string[] {
  const segments = path.split("/").filter((it) => it !== "");
  return path.includes("%") ? segments.map((it) => decodeURIComponent(it)) : segments;
}
