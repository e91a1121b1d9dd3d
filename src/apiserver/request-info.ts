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
  const at = versionOf(parts);
  if (at === undefined) return undefined;
  // The older form of a watch: /api/v1/watch/namespaces/default/pods.
  const isOldWatch = at.below[0] === "watch" && at.below.length > 1;
  const { namespace, rest } = scopeOf(isOldWatch ? at.below.slice(1) : at.below);
  const [resource = "", pathName = "", subresource = "", ...tail] = rest;
  const given = isOldWatch ? "watch" : (verbsByMethod[method] ?? "");
  const verb = pathName === "" ? collectionVerb(given, query) : given;
  const isMany = verb === "list" || verb === "watch";
  return {
    path,
    query,
    isResource: true,
    verb,
    group: at.group,
    version: at.version,
    namespace,
    resource,
    name: pathName === "" && isMany ? namedBy(query) : pathName,
    subresource: isOldWatch ? "" : subresource,
    rest: rest.length > 3 ? tail.join("/") : trailingSlash(path, rest.length),
  };
}

/** Group and version, and the segments below; undefined for paths that end there or before. */
function versionOf(
  parts: readonly string[],
):
  | { readonly group: string; readonly version: string; readonly below: readonly string[] }
  | undefined {
  const [prefix, first = "", second = ""] = parts;
  if (prefix === "api" && parts.length > 2) {
    return { group: "", version: first, below: parts.slice(2) };
  }
  if (prefix !== "apis" || parts.length < 4) return undefined;
  return { group: first, version: second, below: parts.slice(3) };
}

/** Takes `namespaces/<namespace>` off, unless it is the namespace itself that is meant. */
function scopeOf(parts: readonly string[]): {
  readonly namespace: string;
  readonly rest: readonly string[];
} {
  const [first, namespace, third] = parts;
  if (first !== "namespaces" || namespace === undefined) return { namespace: "", rest: parts };
  const isItself = third === undefined || namespaceSubresources.has(third);
  return { namespace, rest: isItself ? parts : parts.slice(2) };
}

/** The verb for a path that names no object. */
function collectionVerb(verb: string, query: URLSearchParams): string {
  if (verb === "get") return isTrue(query.get("watch")) ? "watch" : "list";
  return verb === "delete" ? "deletecollection" : verb;
}

/** `proxy/` differs from `proxy` for what is behind it. */
function trailingSlash(path: string, parts: number): string | undefined {
  return parts === 3 && path.endsWith("/") ? "" : undefined;
}

/** Authorization by name covers a list that names one object. */
function namedBy(query: URLSearchParams): string {
  const selector = query.get("fieldSelector");
  if (selector?.includes("metadata.name") !== true) return "";
  for (const term of selector.split(",")) {
    const name = /^metadata\.name={1,2}([^=!,]+)$/.exec(term.trim())?.[1];
    if (name !== undefined) return name;
  }
  return "";
}

const lastingSubresources = new Set(["attach", "exec", "log", "portforward", "proxy"]);

/** True for what goes on as long as its client likes. Upstream: `BasicLongRunningRequestCheck`. */
export function lasts({ verb, isResource, subresource }: RequestInfo): boolean {
  return isResource && (verb === "watch" || lastingSubresources.has(subresource));
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
