import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { formatTable } from "#cli/table.ts";
import { pods } from "#client/kinds.ts";
import { serviceLabel } from "#compose/convert/names.ts";
import { portsText, stateWord } from "#containers/facts.ts";
import { statusText } from "#containers/state.ts";
import { ofServices } from "./objects.ts";
import { isReplaced } from "./progress.ts";

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
  /** Names only. */
  readonly quiet?: boolean | undefined;
  /** The names of services that have such, each once. */
  readonly services?: boolean | undefined;
  /** `running`, `exited`, …; undefined: any. */
  readonly status?: string | undefined;
}

/** What runs of a project, a line each. */
export async function list(
  session: Session,
  of: { readonly project: string; readonly services: readonly string[]; readonly now: number },
  options: ListOptions,
): Promise<void> {
  const found = await podsOf(session, of.project, of.services);
  const shown = found.filter(
    (it) =>
      !isReplaced(it) &&
      (options.all ||
        options.status !== undefined ||
        !["Succeeded", "Failed"].includes(it.status?.phase ?? "")) &&
      (options.status === undefined || stateWord(it) === options.status),
  );
  if (options.quiet === true || options.services === true) {
    const field = options.quiet === true ? "Name" : "Service";
    const words = new Set(shown.map((it) => fieldsOf(it, of.now)[field]));
    session.io.out([...words].map((it) => `${it}\n`).join(""));
    return;
  }
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
  return {
    Name: pod.metadata?.name ?? "",
    Image: container?.image ?? "",
    Service: pod.metadata?.labels?.[serviceLabel] ?? "",
    Status: statusText(pod, now),
    Ports: portsText(pod),
  };
}
