import type { PlainKind } from "./plain.ts";

/** What a request to the kubelet's server is about. Names are decoded. */
export type Route =
  | { readonly kind: "plain"; readonly what: PlainKind }
  | ({ readonly kind: ContainerKind } & RoutedContainer)
  | ({ readonly kind: "inside"; readonly verb: InsideVerb } & RoutedContainer)
  /** `PUT` makes, `DELETE` removes the directory of a local-path volume; `GET` without a name lists. */
  | { readonly kind: "local-volumes"; readonly volume: string | undefined }
  | {
      readonly kind: "port-forward";
      readonly namespace: string;
      readonly pod: string;
      readonly uid: string | undefined;
    };

export interface RoutedContainer {
  readonly namespace: string;
  readonly pod: string;
  /** Undefined: any pod of that name. */
  readonly uid: string | undefined;
  readonly container: string;
}

/** What Docker's users do inside containers: `inside.ts`. */
const insideVerbs = [
  "exec",
  "pause",
  "resume",
  "processes",
  "stat",
  "pack",
  "unpack",
  "changes",
  "layer",
] as const;

export type InsideVerb = (typeof insideVerbs)[number];

type ContainerKind = "logs" | "exec" | "attach" | "signal";

export type ContainerRoute = Extract<Route, { kind: ContainerKind }>;
export type InsideRoute = Extract<Route, { kind: "inside" }>;

/** A request of which the path was understood. */
export interface RoutedRequest {
  readonly route: Route;
  readonly query: URLSearchParams;
}

/** Upstream paths: `pkg/kubelet/server/server.go`. Undefined for one that is not served. */
export function parseRoute(url: string): RoutedRequest | undefined {
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  const segments = decodeSegments(path);
  const route = segments === undefined ? undefined : routeOf(segments);
  if (route === undefined) return undefined;
  return { route, query: new URLSearchParams(at < 0 ? "" : url.slice(at + 1)) };
}

function routeOf(segments: readonly string[]): Route | undefined {
  const plain = plainRoutes[segments.join("/")];
  if (plain !== undefined) return { kind: "plain", what: plain };
  const [root, volume] = segments;
  if (root === "localVolumes" && segments.length <= 2) return { kind: "local-volumes", volume };
  return insideRouteOf(segments) ?? podRouteOf(segments);
}

function insideRouteOf([root = "", ...rest]: readonly string[]): Route | undefined {
  const verb = insideVerbs.find((it) => root === `inside-${it}`);
  const [namespace, pod, uid, container] = rest;
  if (verb === undefined || rest.length !== 4) return undefined;
  if (namespace === undefined || pod === undefined || container === undefined) return undefined;
  return { kind: "inside", verb, namespace, pod, uid, container };
}

function podRouteOf([root = "", ...rest]: readonly string[]): Route | undefined {
  const [namespace = "", pod = "", third = "", fourth] = rest;
  const kind = containerRoutes[root];
  if (kind !== undefined && (rest.length === 3 || (kind !== "logs" && rest.length === 4))) {
    const uid = fourth === undefined ? undefined : third;
    return { kind, namespace, pod, uid, container: fourth ?? third };
  }
  if (root === "portForward" && (rest.length === 2 || rest.length === 3)) {
    return { kind: "port-forward", namespace, pod, uid: rest.length === 3 ? third : undefined };
  }
  return undefined;
}

const plainRoutes: Readonly<Record<string, PlainKind | undefined>> = {
  healthz: "health",
  "healthz/ping": "health",
  pods: "pods",
  "stats/summary": "summary",
  metrics: "metrics",
  "metrics/cadvisor": "container-metrics",
  "metrics/probes": "probe-metrics",
  "metrics/resource": "resource-metrics",
};

const containerRoutes: Readonly<Record<string, ContainerRoute["kind"] | undefined>> = {
  containerLogs: "logs",
  exec: "exec",
  attach: "attach",
  signal: "signal",
};

function decodeSegments(path: string): readonly string[] | undefined {
  try {
    return path
      .split("/")
      .filter((it) => it !== "")
      .map((it) => decodeURIComponent(it));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
