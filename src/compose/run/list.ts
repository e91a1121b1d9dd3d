import type { ContainerStatus, Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import type { Session } from "#cli/connection.ts";
import { formatTable } from "#cli/table.ts";
import { pods } from "#client/kinds.ts";
import { serviceLabel } from "#compose/convert/names.ts";
import { ofServices } from "./objects.ts";

/** The pods of a project, or of some of its services, by name. */
export async function podsOf(
  session: Session,
  project: string,
  services: readonly string[],
): Promise<readonly Pod[]> {
  const { client, namespace } = session.cluster;
  const labelSelector = ofServices(project, services);
  const list = await client.list(pods, { namespace, labelSelector }, session.signal);
  return list.items.toSorted((a, b) =>
    (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1,
  );
}

export interface ListOptions {
  /** Those that have ended, too. */
  readonly all: boolean;
  readonly json: boolean;
}

/** What runs of a project, a line each. */
export async function list(
  session: Session,
  of: { readonly project: string; readonly services: readonly string[]; readonly now: number },
  options: ListOptions,
): Promise<void> {
  const found = await podsOf(session, of.project, of.services);
  const shown = found.filter(
    (it) => options.all || !["Succeeded", "Failed"].includes(it.status?.phase ?? ""),
  );
  if (options.json) {
    for (const pod of shown) session.io.out(`${JSON.stringify(fieldsOf(pod, of.now))}\n`);
    return;
  }
  const names = ["Name", "Image", "Service", "Status", "Ports"] as const;
  const rows = shown.map((pod) => names.map((it) => fieldsOf(pod, of.now)[it]));
  session.io.out(
    formatTable(
      names.map((it) => it.toLowerCase()),
      rows,
    ),
  );
}

type Fields = Readonly<Record<"Name" | "Image" | "Service" | "Status" | "Ports", string>>;

/** Of one pod, in docker's words. */
export function fieldsOf(pod: Pod, now: number): Fields {
  const [container] = pod.spec?.containers ?? [];
  const ports = (container?.ports ?? []).map(({ hostIP, hostPort, containerPort, protocol }) => {
    const own = `${containerPort}/${(protocol ?? "TCP").toLowerCase()}`;
    return hostPort === undefined ? own : `${hostIP ?? "0.0.0.0"}:${hostPort}->${own}`;
  });
  return {
    Name: pod.metadata?.name ?? "",
    Image: container?.image ?? "",
    Service: pod.metadata?.labels?.[serviceLabel] ?? "",
    Status: statusOf(pod, now),
    Ports: ports.join(", "),
  };
}

function statusOf(pod: Pod, now: number): string {
  const [status] = pod.status?.containerStatuses ?? [];
  const { terminated, running, waiting } = status?.state ?? {};
  if (terminated !== undefined) {
    return `Exited (${terminated.exitCode}) ${ago(terminated.finishedAt, now)} ago`;
  }
  if (status === undefined || running === undefined) {
    return waiting?.reason ?? pod.status?.phase ?? "Pending";
  }
  return `Up ${ago(running.startedAt, now)}${healthOf(pod, status)}`;
}

function healthOf(pod: Pod, status: ContainerStatus): string {
  if (pod.spec?.containers[0]?.readinessProbe === undefined) return "";
  if (status.started === false) return " (health: starting)";
  return status.ready ? " (healthy)" : " (unhealthy)";
}

const units = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
] as const;

function ago(time: string | undefined, now: number): string {
  const seconds = Math.max(0, Math.floor((now - (parseTime(time ?? "") ?? now)) / 1_000));
  for (const [unit, size] of units) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} seconds`;
}
