import type { Dependency, Service } from "./model.ts";

/** Services that one needs because it links to them, or shares something with them. */
export function impliedDependencies(service: Service): Record<string, Dependency> {
  const linked = (service.links ?? []).map((it) => it.split(":", 1)[0] ?? "");
  const shared = (["network_mode", "ipc", "pid"] as const).flatMap((key) => {
    const [kind, name = ""] = (service[key] ?? "").split(":");
    return kind === "service" ? [name] : [];
  });
  const mounted = (service.volumes_from ?? [])
    .filter((it) => !it.startsWith("container:"))
    .map((it) => it.split(":", 1)[0] ?? "");
  const started = { condition: "service_started", required: true } as const;
  return Object.fromEntries([
    ...mounted.map((it) => [it, started] as const),
    ...[...linked, ...shared].map((it) => [it, { ...started, restart: true }] as const),
  ]);
}
