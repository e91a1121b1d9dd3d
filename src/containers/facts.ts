import type { Pod } from "#api/gen/types.ts";
import {
  imageAnnotation,
  imageCommandAnnotation,
  isPaused,
  labelsAnnotation,
  networkLabelPrefix,
} from "./labels.ts";
import { containerStateOf } from "./state.ts";

/** As Docker calls it. */
export function stateWord(pod: Pod): string {
  const { kind } = containerStateOf(pod);
  if (kind === "running" && isPaused(pod)) return "paused";
  return kind === "failed" ? "created" : kind;
}

/** As the user wrote it. */
export function imageOf(pod: Pod): string {
  return pod.metadata?.annotations?.[imageAnnotation] ?? pod.spec?.containers[0]?.image ?? "";
}

/** All words of what runs, as far as they are known. */
export function commandOf(pod: Pod): readonly string[] {
  const { command, args } = pod.spec?.containers[0] ?? {};
  const known = pod.metadata?.annotations?.[imageCommandAnnotation];
  const image = known === undefined ? [] : (JSON.parse(known) as readonly string[]);
  return command === undefined && args === undefined
    ? image
    : [...(command ?? []), ...(args ?? [])];
}

export function labelsOf(pod: Pod): Readonly<Record<string, string>> {
  const text = pod.metadata?.annotations?.[labelsAnnotation] ?? "{}";
  return JSON.parse(text) as Readonly<Record<string, string>>;
}

export function networkNames(pod: Pod): string[] {
  if (pod.spec?.hostNetwork === true) return ["host"];
  const own = Object.keys(pod.metadata?.labels ?? {})
    .filter((it) => it.startsWith(networkLabelPrefix))
    .map((it) => it.slice(networkLabelPrefix.length));
  return own.length === 0 ? ["bridge"] : own;
}

/** `0.0.0.0:8080->80/tcp, 443/tcp`. */
export function portsText(pod: Pod): string {
  const ports = pod.spec?.containers[0]?.ports ?? [];
  return ports
    .map(({ hostIP, hostPort, containerPort, protocol }) => {
      const own = `${containerPort}/${(protocol ?? "TCP").toLowerCase()}`;
      return hostPort === undefined ? own : `${hostIP ?? "0.0.0.0"}:${hostPort}->${own}`;
    })
    .join(", ");
}

/** Names of volumes, and directories of the node. */
export function mountNames(pod: Pod): string[] {
  const paths = (pod.spec?.volumes ?? []).flatMap((it) => it.hostPath?.path ?? []);
  return [...claimNames(pod), ...paths];
}

export function claimNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((it) => it.persistentVolumeClaim?.claimName ?? []);
}
