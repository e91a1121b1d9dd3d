import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { formatDuration } from "#base/duration.ts";
import { present } from "#base/present.ts";
import type { FileMount, FileSource, NamedVolume, Network, Project, Service } from "./model.ts";

/**
 * The project as a compose file in long forms, with what upstream's `config` adds: default networks,
 * names, what links imply. What reads it again gives the same services.
 */
export function printProject(project: Project): JsonObject {
  const { name, services, volumes, networks, configs, secrets, ...others } = project;
  const parts: Readonly<Record<string, Readonly<Record<string, Named>>>> = {
    networks: withDefaultNetwork(networks, services),
    volumes,
    configs,
    secrets,
  };
  const named = Object.entries(parts).flatMap(([kind, part]) => {
    const entries = Object.entries(part).map(
      ([key, it]) => [key, namedPart(name, key, it)] as const,
    );
    return entries.length === 0 ? [] : [[kind, Object.fromEntries(entries)] as const];
  });
  return json({
    ...printedObject(others),
    name,
    services: Object.fromEntries(
      Object.entries(services).map(([key, it]) => [key, printService(it)] as const),
    ),
    ...Object.fromEntries(named),
  });
}

function withDefaultNetwork(
  networks: Project["networks"],
  services: Project["services"],
): Project["networks"] {
  const isUsed = Object.values(services).some((it) =>
    Object.hasOwn(networksOf(it) ?? {}, "default"),
  );
  return isUsed && networks["default"] === undefined ? { ...networks, default: {} } : networks;
}

type Named = NamedVolume | Network | FileSource;

function namedPart(project: string, key: string, part: Named): Json {
  const name = part.name ?? (part.external === true ? key : `${project}_${key}`);
  return printedObject({ ...part, name });
}

function networksOf(service: Service): Service["networks"] {
  if (service.network_mode !== undefined || service.provider !== undefined) return undefined;
  const { networks = {} } = service;
  return Object.keys(networks).length === 0 ? { default: null } : networks;
}

function printService(service: Service): Json {
  const { build, configs, secrets, pull_policy: policy } = service;
  const hasFile = build?.dockerfile !== undefined || build?.dockerfile_inline !== undefined;
  const printable: Service = {
    ...service,
    build: build === undefined || hasFile ? build : { ...build, dockerfile: "Dockerfile" },
    depends_on: dependenciesOf(service),
    // Said at one place, it is true at the other, too.
    deploy:
      service.deploy === undefined
        ? undefined
        : present({ ...service.deploy, replicas: service.scale ?? service.deploy.replicas }),
    networks: networksOf(service),
    pull_policy: policy === "if_not_present" ? "missing" : policy,
    secrets: secrets?.map((it) => ({ ...it, target: it.target ?? `/run/secrets/${it.source}` })),
  };
  const files = { configs, secrets: printable.secrets };
  const octal = Object.entries(files).flatMap(([key, list]) =>
    list === undefined ? [] : [[key, list.map((it) => printedObject(withOctalMode(it)))] as const],
  );
  return { ...printedObject(printable), ...Object.fromEntries(octal) };
}

function withOctalMode(mount: FileMount): object {
  if (mount.mode === undefined) return mount;
  return { ...mount, mode: mount.mode.toString(8).padStart(4, "0") };
}

function dependenciesOf({ depends_on: all }: Service): Service["depends_on"] {
  if (all === undefined) return undefined;
  const entries = Object.entries(all).map(
    ([name, it]) => [name, { ...it, required: it.required ?? true }] as const,
  );
  return Object.fromEntries(entries);
}

const durations = [
  ...["interval", "timeout", "start_period", "start_interval", "stop_grace_period"],
  ...["delay", "monitor", "window"],
];
const sizes = ["memory", "mem_limit", "mem_reservation", "shm_size", "size"];

/** Numbers in the forms of the files; dollar signs doubled, so that they are none of variables. */
function printed(value: Json, key: string): Json {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (typeof value === "number") {
    if (durations.includes(key)) return formatDuration(value);
    return sizes.includes(key) ? String(value) : value;
  }
  if (Array.isArray(value)) return value.map((it) => printed(it, ""));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, it]) =>
    isUsual(name, it) ? [] : [[name, printed(it ?? null, name)] as const],
  );
  return Object.fromEntries(entries);
}

function printedObject(object: object): JsonObject {
  const value = printed(object as Json, "");
  return isJsonObject(value) ? value : {};
}

/** What says the same as nothing. */
function isUsual(key: string, value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length === 0 && !["command", "entrypoint"].includes(key);
  return value === undefined || (value === false && offUnlessSaid.includes(key));
}

const offUnlessSaid = [
  ...["attachable", "disable", "external", "internal", "no_cache", "nocopy", "privileged", "pull"],
  ...["read_only", "stdin_open", "tty"],
];

/** What the parts of a project are without undefined fields: JSON. */
function json(object: Readonly<Record<string, unknown>>): JsonObject {
  return present(object) as Record<string, Json>;
}
