import type { Pod } from "#api/gen/types.ts";
import type { PodContainer } from "#kubelet/pod/containers.ts";

/** The container instance that a probe or a hook is about. */
export interface ProbeTarget {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly containerId: string;
  readonly podIp: string;
}

/** What asking the container gave. `error` says nothing about the container. */
export type Outcome =
  | { readonly kind: "success"; readonly output: string }
  | { readonly kind: "failure"; readonly output: string }
  | { readonly kind: "error"; readonly output: string };

/** The number of a port that may be named. @throws {Error} when no port has the name. */
export function portOf(port: number | string, { container }: ProbeTarget): number {
  if (typeof port === "number") return port;
  const named = container.spec.ports?.find((it) => it.name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new Error(`couldn't find a port named "${port}" in container ${container.spec.name}`);
  }
  return number;
}

/** `10.1.0.5:8080`, `[fd00::5]:8080`. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
