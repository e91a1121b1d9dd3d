import type { JsonObject } from "#api/object.ts";
import { resolvePath } from "./read-mounts.ts";
import { readService, type Place } from "./read-service.ts";
import type { FileSource, NamedVolume, Network, Project, Service } from "./model.ts";
import { mergeServices } from "./merge.ts";
import { present } from "#base/present.ts";
import { ComposeError, Reading } from "./reading.ts";

/** What one file says, besides what it includes. */
export type FileContent = Omit<Project, "name">;

const keys = [
  "name",
  "version",
  "services",
  "volumes",
  "networks",
  "configs",
  "secrets",
  "include",
];
const namePattern = /^[A-Za-z0-9._-]+$/;

export const emptyContent: FileContent = {
  services: {},
  volumes: {},
  networks: {},
  configs: {},
  secrets: {},
};

/** The parts of one file in long forms. @throws {ComposeError} at the place of a fault. */
export function readContent(content: JsonObject, place: Place): FileContent {
  const root = new Reading(content, "compose");
  root.mapping([...keys, "models"]);
  const at = (key: string): Reading => new Reading(content[key], key);
  return {
    services: named(at("services"), (it) => readService(it, place)),
    volumes: named(at("volumes"), readVolume),
    networks: named(at("networks"), readNetwork),
    configs: named(at("configs"), (it) => readSource(it, place)),
    secrets: named(at("secrets"), (it) => readSource(it, place)),
  };
}

/** Two files, the later of which wins. */
export function mergeContents(earlier: FileContent, later: FileContent): FileContent {
  const services: Record<string, Service> = { ...earlier.services };
  for (const [name, service] of Object.entries(later.services)) {
    const before = services[name];
    services[name] = before === undefined ? service : mergeServices(before, service);
  }
  return {
    services,
    volumes: joined(earlier.volumes, later.volumes),
    networks: joined(earlier.networks, later.networks),
    configs: joined(earlier.configs, later.configs),
    secrets: joined(earlier.secrets, later.secrets),
  };
}

/**
 * What only the whole can tell: every service has an image or a build, and what services name is
 * there. @throws {ComposeError}
 */
export function checkProject(project: Project): void {
  for (const [name, service] of Object.entries(project.services)) {
    const at = `services.${name}`;
    if (service.image === undefined && service.build === undefined) {
      throw new ComposeError(at, "has neither an image nor a build context specified");
    }
    if (service.network_mode !== undefined && service.networks !== undefined) {
      throw new ComposeError(at, "declares mutually exclusive `network_mode` and `networks`");
    }
    const wanted = [
      [
        "network",
        Object.keys(service.networks ?? {}).filter((it) => it !== "default"),
        project.networks,
      ],
      ["volume", volumesOf(service), project.volumes],
      ["config", (service.configs ?? []).map((it) => it.source), project.configs],
      ["secret", (service.secrets ?? []).map((it) => it.source), project.secrets],
    ] as const;
    for (const [kind, names, known] of wanted) {
      const missing = names.find((it) => known[it] === undefined);
      if (missing !== undefined)
        throw new ComposeError(at, `refers to undefined ${kind} ${missing}`);
    }
  }
  checkDependencies(project.services);
}

/** @throws {ComposeError} for a service that is not there, and for a circle. */
function checkDependencies(services: Readonly<Record<string, Service>>): void {
  const done = new Set<string>();
  function visit(name: string, path: readonly string[]): void {
    if (done.has(name)) return;
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(" -> ");
      throw new ComposeError("depends_on", `dependency cycle detected: ${circle}`);
    }
    for (const [next, { required }] of Object.entries(services[name]?.depends_on ?? {})) {
      if (services[next] !== undefined) visit(next, [...path, name]);
      else if (required) {
        throw new ComposeError(`services.${name}`, `depends on undefined service "${next}"`);
      }
    }
    done.add(name);
  }
  for (const name of Object.keys(services)) visit(name, []);
}

function volumesOf(service: Service): readonly string[] {
  return (service.volumes ?? []).flatMap(({ type, source }) =>
    type === "volume" && source !== undefined ? [source] : [],
  );
}

function named<T>(at: Reading, read: (it: Reading) => T): Record<string, T> {
  const entries = at.entries().map(([name, it]) => {
    if (!namePattern.test(name)) throw it.fail("a name has letters, digits, '.', '_' and '-' only");
    return [name, read(it)] as const;
  });
  return Object.fromEntries(entries);
}

function joined<T extends object>(
  earlier: Readonly<Record<string, T>>,
  later: Readonly<Record<string, T>>,
): Record<string, T> {
  const merged: Record<string, T> = { ...earlier };
  for (const [name, it] of Object.entries(later)) merged[name] = { ...merged[name], ...it };
  return merged;
}

function readVolume(at: Reading): NamedVolume {
  at.mapping(["driver", "driver_opts", "external", "labels", "name"]);
  return present<NamedVolume>({
    external: readExternal(at),
    name: nameOf(at),
    driver_opts: at.at("driver_opts").labels(),
    labels: at.at("labels").labels(),
  });
}

function readNetwork(at: Reading): Network {
  at.mapping([
    ...["driver", "driver_opts", "external", "internal", "labels", "name", "ipam", "attachable"],
    ...["enable_ipv4", "enable_ipv6"],
  ]);
  return present<Network>({
    external: readExternal(at),
    internal: at.at("internal").flag(),
    name: nameOf(at),
  });
}

function readSource(at: Reading, place: Place): FileSource {
  const own = ["driver", "driver_opts", "external", "labels", "name", "template_driver"];
  at.mapping([...own, "file", "environment", "content"]);
  const file = at.at("file").text();
  const source: FileSource = {
    external: readExternal(at),
    name: nameOf(at),
    file: file === undefined ? undefined : resolvePath(file, place),
    environment: at.at("environment").text(),
    content: at.at("content").text(),
  };
  const given = [source.file, source.environment, source.content].filter((it) => it !== undefined);
  if (given.length + Number(source.external === true) !== 1) {
    throw at.fail("needs just one of file, environment, content and external");
  }
  return present(source);
}

/** `external: true`, or the old form with a name. */
function readExternal(at: Reading): boolean | undefined {
  const external = at.at("external");
  return typeof external.value === "object" ? true : external.flag();
}

function nameOf(at: Reading): string | undefined {
  return at.at("name").text() ?? at.at("external").at("name").text();
}
