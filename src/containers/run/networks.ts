import type { NetworkPolicy } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import type { Fields } from "#base/go-template/values.ts";
import type { Session } from "#cli/connection.ts";
import { found } from "#cli/found.ts";
import { networkPolicies, pods } from "#client/kinds.ts";
import { idOf, listContainers, nameOf } from "#containers/find.ts";
import { networkNames } from "#containers/facts.ts";
import { managedBy, managedByLabel, networkLabel, networkLabelPrefix } from "#containers/labels.ts";
import { createUnlessThere, ensureNamespace } from "./objects.ts";

/** Networks that are always there. */
export const builtInNetworks = ["bridge", "host", "none"] as const;

/** @throws {Error} as Docker says it, when there is no such network. */
export async function checkNetwork(session: Session, name: string): Promise<void> {
  const { client, namespace } = session.cluster;
  const at = { namespace, name: policyName(name) };
  if ((await found(client.get(networkPolicies, at, session.signal))) === undefined) {
    throw new Error(`network ${name} not found: make it with 'gantry network create ${name}'`);
  }
}

/** The network that nobody is in: neither in nor out. */
export async function ensureNoneNetwork(session: Session): Promise<void> {
  await createUnlessThere(session, networkPolicies, {
    ...policyOf(session, "none"),
    spec: { podSelector: membersOf("none"), policyTypes: ["Ingress", "Egress"] },
  });
}

/** A network: those in it reach each other, and nobody else does but by published ports. */
export async function createNetwork(
  session: Session,
  name: string,
  options: { readonly internal: boolean },
): Promise<void> {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || objectName(name) === "") {
    throw new Error(`invalid network name: ${name}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  await ensureNamespace(session);
  const members = { podSelector: membersOf(name) };
  const isTaken =
    builtInNetworks.some((it) => it === name) ||
    !(await createUnlessThere(session, networkPolicies, {
      ...policyOf(session, name),
      spec: {
        ...members,
        policyTypes: ["Ingress", ...(options.internal ? ["Egress"] : [])],
        ingress: [{ from: [members] }],
        ...(options.internal ? { egress: [{ to: [members] }, namesOfCluster] } : {}),
      },
    }));
  if (isTaken) throw new Error(`network with name ${name} already exists`);
}

/** Containers of an internal network still ask for each other's names. */
const namesOfCluster = {
  ports: [
    { port: 53, protocol: "UDP" },
    { port: 53, protocol: "TCP" },
  ],
};

export async function listNetworks(session: Session): Promise<readonly NetworkPolicy[]> {
  const { client, namespace } = session.cluster;
  const options = { namespace, labelSelector: networkLabel };
  const { items } = await client.list(networkPolicies, options, session.signal);
  return items.filter((it) => networkNameOf(it) !== "none");
}

export function networkNameOf(policy: NetworkPolicy): string {
  return policy.metadata?.annotations?.[networkLabel] ?? policy.metadata?.name ?? "";
}

/** @throws {Error} naming the containers that are in it. */
export async function removeNetwork(session: Session, name: string): Promise<void> {
  const { client, namespace } = session.cluster;
  if (builtInNetworks.some((it) => it === name)) {
    throw new Error(`${name} is a pre-defined network and cannot be removed`);
  }
  await checkNetwork(session, name);
  const options = { namespace, labelSelector: `${networkLabelPrefix}${objectName(name)}` };
  const { items } = await client.list(pods, options, session.signal);
  if (items.length > 0) {
    throw new Error(`network ${name} has active endpoints: ${items.map(nameOf).join(", ")}`);
  }
  await client.delete(networkPolicies, { namespace, name: policyName(name) }, {}, session.signal);
}

function policyName(network: string): string {
  return `network-${objectName(network)}`.slice(0, 63);
}

function membersOf(network: string): { matchLabels: Record<string, string> } {
  return { matchLabels: { [`${networkLabelPrefix}${objectName(network)}`]: "true" } };
}

function policyOf({ cluster }: Session, name: string): Pick<NetworkPolicy, "metadata"> {
  return {
    metadata: {
      name: policyName(name),
      namespace: cluster.namespace,
      labels: { [managedByLabel]: managedBy, [networkLabel]: objectName(name) },
      annotations: { [networkLabel]: name },
    },
  };
}

/** What `gantry network inspect` shows. @throws {Error} when there is no such network. */
export async function inspectNetwork(session: Session, name: string): Promise<Fields> {
  const { client, namespace } = session.cluster;
  if (!builtInNetworks.some((it) => it === name)) await checkNetwork(session, name);
  const members = (await listContainers(session)).filter((it) => networkNames(it).includes(name));
  const policy = await found(
    client.get(networkPolicies, { namespace, name: policyName(name) }, session.signal),
  );
  const containers = members.map((it) => [
    idOf(it),
    { Name: nameOf(it), IPv4Address: it.status?.podIP ?? "" },
  ]);
  return {
    Name: name,
    Created: policy?.metadata?.creationTimestamp ?? "",
    Scope: "cluster",
    Driver: name === "host" || name === "none" ? name : "policy",
    Internal: policy?.spec?.policyTypes?.includes("Egress") === true,
    Containers: Object.fromEntries(containers) as object,
    Labels: {},
  };
}

/** Removes the networks that no container is in; resolves with their names. */
export async function pruneNetworks(session: Session): Promise<readonly string[]> {
  const used = new Set((await listContainers(session)).flatMap(networkNames).map(objectName));
  const names = (await listNetworks(session)).map(networkNameOf);
  const unused = names.filter((it) => !used.has(objectName(it)));
  for (const it of unused) await removeNetwork(session, it);
  return unused;
}
