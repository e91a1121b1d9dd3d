import type { FileSource, Project, Service } from "./model.ts";
import { ComposeError } from "./reading.ts";

/**
 * What only the whole can tell: every service has an image or a build, what services name is there,
 * and what they say twice is the same. Upstream: compose-go `loader/validate.go`.
 * @throws {ComposeError}
 */
export function checkProject(project: Project): void {
  for (const [name, service] of Object.entries(project.services)) {
    const at = `services.${name}`;
    if (
      service.image === undefined &&
      service.build === undefined &&
      service.provider === undefined
    ) {
      throw new ComposeError(at, "has neither an image nor a build context specified");
    }
    checkBuild(project, name, service);
    checkReferences(project, name, service);
    checkAmounts(at, service);
    checkTargets(at, service);
  }
  for (const kind of ["configs", "secrets"] as const) {
    for (const [name, it] of Object.entries(project[kind])) checkSource(`${kind}.${name}`, it);
  }
  checkDependencies(project.services);
}

function checkBuild({ services }: Project, name: string, { build, platform }: Service): void {
  if (build === undefined) return;
  const at = `services.${name}.build`;
  if (build.dockerfile !== undefined && build.dockerfile_inline !== undefined) {
    throw new ComposeError(at, "declares mutually exclusive dockerfile and dockerfile_inline");
  }
  for (const [context, it] of Object.entries(build.additional_contexts ?? {})) {
    const other = it.startsWith("service:") ? it.slice("service:".length) : undefined;
    if (other !== undefined && services[other]?.build === undefined) {
      const problem = `'${other}' is no service with a build section`;
      throw new ComposeError(`${at}.additional_contexts.${context}`, problem);
    }
  }
  const { platforms } = build;
  if (platforms !== undefined && platform !== undefined && !platforms.includes(platform)) {
    throw new ComposeError(`${at}.platforms`, `must include the service's platform ${platform}`);
  }
}

function checkReferences(project: Project, name: string, service: Service): void {
  const at = `services.${name}`;
  const { network_mode: mode = "", networks = {} } = service;
  if (mode !== "" && Object.keys(networks).length > 0) {
    throw new ComposeError(at, "declares mutually exclusive `network_mode` and `networks`");
  }
  for (const { kind, place, of } of references(service)) {
    if (project[`${kind}s`][of] === undefined && !(kind === "network" && of === "default")) {
      throw new ComposeError(`${at}.${place}`, `refers to undefined ${kind} ${of}`);
    }
  }
}

interface Reference {
  readonly kind: "network" | "volume" | "config" | "secret" | "service";
  readonly place: string;
  readonly of: string;
}

/** All that a service names, and where. */
function references(service: Service): readonly Reference[] {
  const networks = Object.keys(service.networks ?? {});
  const shared = (["network_mode", "pid", "ipc"] as const).flatMap((key): Reference[] => {
    const [kind, of = ""] = (service[key] ?? "").split(":");
    return kind === "service" ? [{ kind, place: key, of }] : [];
  });
  const volumes = (service.volumes ?? []).flatMap(({ type, source = "" }, index): Reference[] =>
    type === "volume" && source !== ""
      ? [{ kind: "volume", place: `volumes[${index}]`, of: source }]
      : [],
  );
  return [
    ...networks.map((of): Reference => ({ kind: "network", place: `networks.${of}`, of })),
    ...volumes,
    ...filesOf("config", "configs", service.configs),
    ...filesOf("secret", "secrets", service.secrets),
    ...filesOf("secret", "build.secrets", service.build?.secrets),
    ...shared,
  ];
}

function filesOf(
  kind: "config" | "secret",
  place: string,
  mounts: Service["configs"] = [],
): readonly Reference[] {
  return mounts.map(({ source }, index) => ({ kind, place: `${place}[${index}]`, of: source }));
}

/** What may be said at two places is the same at both. */
function checkAmounts(at: string, service: Service): void {
  const { replicas, resources = {} } = service.deploy ?? {};
  const { limits = {}, reservations = {} } = resources;
  const pids = service.pids_limit;
  const pairs = [
    ["scale", "replicas", service.scale, replicas],
    ["cpus", "resources.limits.cpus", service.cpus, limits.cpus],
    ["mem_limit", "resources.limits.memory", service.mem_limit, limits.memory],
    [
      "mem_reservation",
      "resources.reservations.memory",
      service.mem_reservation,
      reservations.memory,
    ],
    ["pids_limit", "resources.limits.pids", pids === undefined ? pids : Number(pids), limits.pids],
  ] as const;
  for (const [key, other, own, theirs] of pairs) {
    if (own === undefined || theirs === undefined || own === theirs) continue;
    const problem = `can't set distinct values on '${key}' and 'deploy.${other}'`;
    throw new ComposeError(`${at}.${key}`, problem);
  }
  if (service.container_name !== undefined && (service.scale ?? replicas ?? 1) > 1) {
    const problem = "a service with a container_name has one container: its name must be unique";
    throw new ComposeError(`${at}.container_name`, problem);
  }
}

function checkTargets(at: string, service: Service): void {
  const seen = new Set<string>();
  const targets = [
    ...(service.tmpfs ?? []).map((it, index) => [it.split(":", 1)[0] ?? "", `tmpfs[${index}]`]),
    ...(service.volumes ?? []).map((it, index) => [it.target, `volumes[${index}]`]),
  ] as const;
  for (const [target = "", place = ""] of targets) {
    if (seen.has(target)) throw new ComposeError(`${at}.${place}`, `${target} is mounted already`);
    seen.add(target);
  }
}

function checkSource(at: string, source: FileSource): void {
  const given = [source.file, source.environment, source.content].filter((it) => it !== undefined);
  if (given.length + Number(source.external === true) === 1) return;
  throw new ComposeError(at, "needs just one of file, environment, content and external");
}

/** @throws {ComposeError} for a service that is not there, and for a circle. */
function checkDependencies(services: Readonly<Record<string, Service>>): void {
  const done = new Set<string>();
  function visit(name: string, path: readonly string[]): void {
    if (done.has(name)) return;
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(" -> ");
      throw new ComposeError(`services.${name}.depends_on`, `dependency cycle detected: ${circle}`);
    }
    for (const [next, { required }] of Object.entries(services[name]?.depends_on ?? {})) {
      if (services[next] !== undefined) visit(next, [...path, name]);
      else if (required !== false) {
        throw new ComposeError(
          `services.${name}.depends_on.${next}`,
          `depends on undefined service "${next}"`,
        );
      }
    }
    done.add(name);
  }
  for (const name of Object.keys(services)) visit(name, []);
}
