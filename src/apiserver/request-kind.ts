import type { RequestInfo } from "./request-info.ts";

/** How metrics tell requests apart. Upstream: `apiserver/pkg/endpoints/metrics/metrics.go`. */
export interface RequestKind {
  /** `GET`, `LIST`, `WATCH`, `APPLY`, `CONNECT`… */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** The first part of the path where it is not about a resource: `/readyz`. */
  readonly subresource: string;
  readonly scope: "resource" | "namespace" | "cluster" | "";
  /** `All` or empty. */
  readonly dryRun: string;
}

/** Of requests that are about nothing we have. */
export const unknownKind: RequestKind = {
  verb: "other",
  group: "",
  version: "",
  resource: "",
  subresource: "",
  scope: "",
  dryRun: "",
};

const verbs: Readonly<Record<string, string | undefined>> = {
  get: "GET",
  list: "LIST",
  watch: "WATCH",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETECOLLECTION",
  // Methods, where it is not about a resource.
  head: "GET",
  post: "POST",
  put: "PUT",
};
const connections = new Set(["exec", "attach", "portforward", "proxy"]);
const plainRoots = new Set(
  "api apis openapi healthz livez readyz version metrics .well-known openid".split(" "),
);

/** @param contentType of a patch: server-side apply is a verb of its own. */
export function requestKind(info: RequestInfo, contentType: string | undefined): RequestKind {
  const { group, version, resource } = info;
  const dryRun = info.query.has("dryRun") ? "All" : "";
  const scope = scopeOf(info);
  if (info.isResource) {
    const { subresource } = info;
    return {
      verb: verbOf(info, contentType),
      group,
      version,
      resource,
      subresource,
      scope,
      dryRun,
    };
  }
  const [, root = ""] = info.path.split("/");
  if (root !== "" && !plainRoots.has(root)) return unknownKind;
  const verb = verbs[info.verb] ?? "other";
  return { ...unknownKind, verb, subresource: `/${root}` };
}

function verbOf(info: RequestInfo, contentType: string | undefined): string {
  if (connections.has(info.subresource)) return "CONNECT";
  if (info.verb === "patch" && contentType?.startsWith("application/apply-patch+") === true) {
    return "APPLY";
  }
  return verbs[info.verb] ?? "other";
}

function scopeOf(info: RequestInfo): RequestKind["scope"] {
  if (info.name !== "" || info.verb === "create") return "resource";
  if (info.namespace !== "") return "namespace";
  return info.isResource ? "cluster" : "";
}
