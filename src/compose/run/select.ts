import { networksOf } from "#compose/convert/names.ts";
import type { Project, Service } from "#compose/project/model.ts";
import { ComposeError } from "#compose/project/reading.ts";

export interface Selection {
  /** Services that the command names; none means all. */
  readonly services: readonly string[];
  /** Profiles that are on; `*` is all of them. */
  readonly profiles: readonly string[];
}

/**
 * The project with just the services that are meant: those without a profile or with one that is
 * on, or the named ones, and what they depend on. Compose specification, "Profiles".
 * @throws {ComposeError} for a name that is no service.
 */
export function selectServices(project: Project, { services, profiles }: Selection): Project {
  const all = project.services;
  const unknown = services.find((it) => all[it] === undefined);
  if (unknown !== undefined) throw new ComposeError(unknown, "no such service");
  const isOn = (service: Service): boolean => {
    const own = service.profiles ?? [];
    return own.length === 0 || profiles.includes("*") || own.some((it) => profiles.includes(it));
  };
  const chosen = new Set<string>();
  const add = (name: string): void => {
    const service = all[name];
    if (service === undefined || chosen.has(name)) return;
    chosen.add(name);
    for (const [next, { required }] of Object.entries(service.depends_on ?? {})) {
      const it = all[next];
      if (it === undefined) continue;
      if (!isOn(it) && !services.includes(next)) {
        if (required === false) continue;
        throw new ComposeError(
          `services.${name}`,
          `depends on ${next}, whose profile is not on: --profile ${it.profiles?.[0] ?? ""}`,
        );
      }
      add(next);
    }
  };
  const wanted =
    services.length > 0
      ? services
      : Object.entries(all).flatMap(([name, it]) => (isOn(it) ? [name] : []));
  for (const name of wanted) add(name);
  const kept = Object.entries(all).filter(([name]) => chosen.has(name));
  return withoutUnused({ ...project, services: Object.fromEntries(kept) });
}

/** Without volumes, networks, configs and secrets that no service uses. */
function withoutUnused(project: Project): Project {
  const services = Object.values(project.services);
  const used = {
    volumes: services.flatMap((it) => (it.volumes ?? []).map(({ source }) => source ?? "")),
    networks: services.flatMap((it) => networksOf(it)),
    configs: services.flatMap((it) => (it.configs ?? []).map(({ source }) => source)),
    secrets: services.flatMap((it) =>
      [...(it.secrets ?? []), ...(it.build?.secrets ?? [])].map(({ source }) => source),
    ),
  };
  function among<T>(
    parts: Readonly<Record<string, T>>,
    names: readonly string[],
  ): Record<string, T> {
    return Object.fromEntries(Object.entries(parts).filter(([name]) => names.includes(name)));
  }
  return {
    ...project,
    volumes: among(project.volumes, used.volumes),
    networks: among(project.networks, used.networks),
    configs: among(project.configs, used.configs),
    secrets: among(project.secrets, used.secrets),
  };
}

/** Services, and those that are to begin anew with them; none means all. */
export function withRestarted(project: Project, services: readonly string[]): readonly string[] {
  const found = new Set(services);
  for (const name of found) {
    for (const [other, { depends_on: needs }] of Object.entries(project.services)) {
      if (needs?.[name]?.restart === true) found.add(other);
    }
  }
  return [...found];
}

/** Services whose logs `up` prints: those that are asked for, or all that do not say otherwise. */
export function attachedServices(
  { services: all }: Project,
  services: readonly string[],
): readonly string[] {
  if (services.length > 0) return services;
  return Object.keys(all).filter((it) => all[it]?.attach !== false);
}
