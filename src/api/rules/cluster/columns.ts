import type { Namespace, Node } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  orNone,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

export const namespacePrinter: Printer<Namespace> = {
  columns: [nameColumn, column("Status", "The status of the namespace"), ageColumn],
  cells: (it, nowMs) => [nameOf(it), it.status?.phase ?? "", ageOf(it, nowMs)],
};

export const nodePrinter: Printer<Node> = {
  columns: [
    nameColumn,
    column("Status", "The status of the node"),
    column("Roles", "The roles of the node"),
    ageColumn,
    column("Version", "Version of the node's agent."),
    wideColumn("Internal-IP", "Address inside the cluster."),
    wideColumn("External-IP", "Address outside of the cluster."),
    wideColumn("OS-Image", "Operating system of the node."),
    wideColumn("Kernel-Version", "Kernel of the node."),
    wideColumn("Container-Runtime", "Runtime of the containers, with its version."),
  ],
  cells: (node, nowMs) => {
    const info: NodeInfo = node.status?.nodeInfo ?? {};
    return [
      nameOf(node),
      statusOf(node),
      orNone(rolesOf(node).join(",")),
      ageOf(node, nowMs),
      info.kubeletVersion ?? "",
      addressOf(node, "InternalIP"),
      addressOf(node, "ExternalIP"),
      orUnknown(info.osImage),
      kernelOf(info),
      orUnknown(info.containerRuntimeVersion),
    ];
  },
};

type NodeInfo = NonNullable<NonNullable<Loose<Node>["status"]>["nodeInfo"]>;

function statusOf(node: Loose<Node>): string {
  const ready = (node.status?.conditions ?? []).find((it) => it.type === "Ready");
  const text = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

const rolePrefix = "node-role.kubernetes.io/";

/** From labels: `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`. */
function rolesOf(node: Loose<Node>): string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix)) roles.add(key.slice(rolePrefix.length));
    else if (key === "kubernetes.io/role") roles.add(value);
  }
  roles.delete("");
  return [...roles].sort();
}

function addressOf(node: Loose<Node>, type: string): string {
  return orNone((node.status?.addresses ?? []).find((it) => it.type === type)?.address);
}

function kernelOf(info: NodeInfo): string {
  const architecture = info.architecture ?? "";
  const kernel = orUnknown(info.kernelVersion);
  return architecture === "" ? kernel : `${kernel} (${architecture})`;
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === "" ? "<unknown>" : text;
}
