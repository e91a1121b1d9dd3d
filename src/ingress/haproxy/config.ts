import { unavailable, type BackendPlan, type IngressPlan, type Target } from "#ingress/model.ts";
import { hopByHopRules, nominatedFile, nominatedScript } from "./hop-by-hop.ts";
import { routeRules } from "./route-rules.ts";
import type { Slots } from "./slots.ts";

/** What a configuration depends on beside the plan. */
export interface ConfigSettings {
  /**
   * Name of the socket that takes commands. It differs from that of the generation before: of the
   * same name it would be taken over, like the ports.
   */
  readonly socket: string;
  /** The user that the proxy becomes when it has read its files; undefined: it stays who and where it is. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** Where to listen; undefined for not at all. */
  readonly httpPort: number | undefined;
  readonly httpsPort: number | undefined;
  readonly connectionsMax: number;
  readonly threads: number;
  /** PEM of certificate and key for clients that ask for no known host. */
  readonly defaultCertificate: string;
}

/** Seconds that a client may take for the head of a request. */
const requestHeadSeconds = 10;
/** Seconds that a connection may be idle between requests. */
const keepAliveSeconds = 60;
const connectSeconds = 5;
/** Seconds of silence within a request, from the client or the service. */
const silenceSeconds = 60;
/** Seconds of silence on a connection that was upgraded. */
const tunnelSeconds = 3_600;
/** Connections of an older generation are cut after this time. */
const drainSeconds = 3_600;
/** A request's or response's head has at most this many bytes, less a few for added headers. */
const headBytesMax = 16_384;
const headersMax = 128;
/** Attempts with another endpoint after a refused connection. */
const retries = 3;
/** Idle connections to an endpoint that are kept. */
const idleConnectionsMax = 64;
const idleSeconds = 30;

/** A folder without anything in it, which is all that the running proxy sees of the disk. */
export const rootName = "root";

/**
 * The files of a generation of the proxy, by name; `haproxy.cfg` is what it starts with, in the
 * directory that has the files and a folder {@link rootName}: it names them without a path.
 */
export function renderConfig(
  plan: IngressPlan,
  slots: Slots,
  settings: ConfigSettings,
): ReadonlyMap<string, string> {
  const files = new Map<string, string>([[nominatedFile, nominatedScript]]);
  const lines = [...globalLines(settings), ...defaultLines()];
  if (settings.httpPort !== undefined) {
    const table = tableOf(settings.httpsPort === undefined ? undefined : redirecting);
    lines.push("frontend http", `  bind *:${settings.httpPort}`);
    lines.push(...frontendLines("http", plan, table, files));
  }
  if (settings.httpsPort !== undefined) {
    lines.push(
      "frontend https",
      `  ${bindLine(plan, settings.httpsPort, settings.defaultCertificate, files)}`,
    );
    lines.push(...frontendLines("https", plan, tableOf(undefined), files));
  }
  lines.push(...ownBackends(settings));
  for (const [id, backend] of plan.backends) {
    lines.push(...backendLines(id, backend, slots.get(id) ?? []));
  }
  files.set("haproxy.cfg", `${lines.join("\n")}\n`);
  return files;
}

const redirecting = "to-https";

function globalLines(settings: ConfigSettings): string[] {
  const { socket, user, connectionsMax, threads } = settings;
  return [
    "global",
    `  maxconn ${connectionsMax}`,
    `  nbthread ${threads}`,
    // Another program that listens on our ports is to be noticed, not to share them.
    "  noreuseport",
    `  hard-stop-after ${drainSeconds}s`,
    `  stats socket unix@${socket} mode 600 level admin expose-fd listeners`,
    "  stats timeout 10s",
    `  lua-load-per-thread ${nominatedFile}`,
    ...(user === undefined
      ? []
      : [`  chroot ${rootName}`, `  uid ${user.uid}`, `  gid ${user.gid}`]),
    `  tune.bufsize ${headBytesMax}`,
    `  tune.http.maxhdr ${headersMax}`,
    "  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
    "  ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
    "  tune.ssl.default-dh-param 2048",
  ];
}

function defaultLines(): string[] {
  return [
    "defaults",
    "  mode http",
    `  timeout http-request ${requestHeadSeconds}s`,
    `  timeout http-keep-alive ${keepAliveSeconds}s`,
    `  timeout connect ${connectSeconds}s`,
    `  timeout client ${silenceSeconds}s`,
    `  timeout server ${silenceSeconds}s`,
    `  timeout tunnel ${tunnelSeconds}s`,
    `  timeout queue ${connectSeconds}s`,
    `  retries ${retries}`,
    "  option redispatch 1",
    // Nothing was sent on a connection that was refused; what was sent goes out once more only
    // where that changes nothing.
    "  retry-on conn-failure empty-response",
    // What a stream brings goes on at once, in small pieces too.
    "  option http-no-delay",
    // At a reload a kept connection ends with its next response, not between two requests.
    "  option idle-close-on-response",
    "  http-reuse safe",
    `  default-server pool-max-conn ${idleConnectionsMax} pool-purge-delay ${idleSeconds}s`,
  ];
}

function bindLine(
  plan: IngressPlan,
  port: number,
  defaultCertificate: string,
  files: Map<string, string>,
): string {
  files.set("default.pem", plan.defaultCertificate ?? defaultCertificate);
  const list: string[] = [];
  for (const [index, { pem, hosts }] of plan.certificates.entries()) {
    files.set(`${index}.pem`, pem);
    list.push(`${index}.pem ${hosts.join(" ")}\n`);
  }
  files.set("certificates.list", list.join(""));
  return `bind *:${port} ssl crt default.pem crt-list certificates.list alpn h2,http/1.1`;
}

/** @param redirected the backend of targets that redirect; undefined: they do not, here. */
function tableOf(redirected: string | undefined): (target: Target) => string {
  return ({ backend, redirect }) => (redirect && redirected !== undefined ? redirected : backend);
}

function frontendLines(
  scheme: "http" | "https",
  { routes }: IngressPlan,
  backendOf: (target: Target) => string,
  files: Map<string, string>,
): string[] {
  for (const name of ["exact", "prefix", "fallback"] as const) {
    const entries = [...routes[name]].map(([key, target]) => `${key} ${backendOf(target)}\n`);
    files.set(`${scheme}-${name}.map`, entries.join(""));
  }
  return [
    ...routeRules(routes, (name) => `${scheme}-${name}.map`),
    "  http-request deny deny_status 400 if { var(txn.host) -m sub / }",
    ...hopByHopRules(),
    // Whoever the client says it is, these say what this proxy saw.
    "  http-request set-header X-Forwarded-For %[src]",
    "  http-request set-header X-Real-IP %[src]",
    `  http-request set-header X-Forwarded-Proto ${scheme}`,
    "  http-request set-header X-Forwarded-Host %[req.hdr(host)]",
    "  http-request set-header X-Forwarded-Port %[dst_port]",
    "  http-request del-header Forwarded",
    "  http-request disable-l7-retry unless { method GET HEAD OPTIONS }",
    "  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }",
    `  default_backend ${routes.last === undefined ? "not-found" : backendOf(routes.last)}`,
  ];
}

function ownBackends({ httpsPort }: ConfigSettings): string[] {
  const port = httpsPort === undefined || httpsPort === 443 ? "" : `:${httpsPort}`;
  return [
    "backend not-found",
    `  ${returned(404, "404: no Ingress is for this host and path")}`,
    `backend ${unavailable}`,
    `  ${returned(503, "503: the service of this Ingress does not exist")}`,
    `backend ${redirecting}`,
    `  http-request redirect code 308 location https://%[var(txn.host)]${port}%[pathq]`,
  ];
}

function backendLines(
  id: string,
  backend: BackendPlan,
  places: readonly (string | undefined)[],
): string[] {
  const { readMs, tunnelMs, bodyBytesMax } = backend;
  return [
    `backend ${id}`,
    ...(backend.sticky ? ["  balance source", "  hash-type consistent"] : ["  balance roundrobin"]),
    ...(readMs === undefined ? [] : [`  timeout server ${readMs}ms`]),
    ...(tunnelMs === undefined ? [] : [`  timeout tunnel ${tunnelMs}ms`]),
    ...(bodyBytesMax === undefined ? [] : bodyLimit(bodyBytesMax)),
    ...places.map((endpoint, at) => `  server s${at} ${serverText(endpoint, backend)}`),
  ];
}

/** A body whose length is not said beforehand would be in the service's hands when it is too long. */
function bodyLimit(bytesMax: number): string[] {
  const unsaid = "411: this service takes bodies of a length that is said beforehand";
  return [
    `  http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${bytesMax} }`,
    `  ${returned(411, unsaid)} if { req.hdr(transfer-encoding) -m found }`,
    `  ${returned(411, unsaid)} if { method POST PUT PATCH } !{ req.hdr(content-length) -m found }`,
  ];
}

function returned(status: number, text: string): string {
  return `http-request return status ${status} content-type text/plain string "${text}\\n"`;
}

function serverText(endpoint: string | undefined, { protocol }: BackendPlan): string {
  const address = endpoint ?? "127.0.0.1:1";
  const speaks = {
    http: "",
    h2c: " proto h2",
    // A certificate of a pod is nobody's to check; its name is not known.
    https: " ssl verify none alpn h2,http/1.1 sni req.hdr(host),field(1,:)",
  };
  return `${address}${speaks[protocol]}${endpoint === undefined ? " disabled" : ""}`;
}
