const verbs: Readonly<Record<string, string | undefined>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** The verb of the API that a method stands for; empty for methods that stand for none. */
export function verbOf(method: string): string {
  return verbs[method] ?? "";
}

const bySegment: Readonly<Record<string, readonly string[] | undefined>> = {
  stats: ["stats"],
  metrics: ["metrics"],
  logs: ["log"],
  pods: ["pods", "proxy"],
  healthz: ["healthz", "proxy"],
};

/**
 * Subresources of the node of which a caller needs one for a path; `proxy` is everything else.
 * Upstream: `pkg/kubelet/server/auth.go`.
 */
export function nodeSubresources(url: string): readonly string[] {
  const path = url.split("?", 1)[0] ?? "";
  const segment = path.split("/").find((it) => it !== "") ?? "";
  return bySegment[segment] ?? ["proxy"];
}
