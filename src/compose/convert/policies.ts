import type { NetworkPolicy } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { present } from "#base/present.ts";
import type { Project, Service } from "#compose/project/model.ts";
import {
  networkLabelPrefix,
  networksOf,
  projectLabel,
  serviceLabels,
  serviceSelector,
} from "./names.ts";

type Rules = NonNullable<NetworkPolicy["spec"]>;

/**
 * Who may talk to whom, where not all services are in the same networks: those that share one, and
 * everybody to published ports. Services whose networks are all internal reach nobody else, and those
 * without a network nobody at all.
 */
export function networkPolicies(project: Project): NetworkPolicy[] {
  const services = Object.entries(project.services);
  const networked = services.filter(([, it]) => it.network_mode === undefined);
  const sets = new Set(networked.map(([, it]) => [...networksOf(it)].sort().join(" ")));
  const isDivided = sets.size > 1;
  return services.flatMap(([name, service]): NetworkPolicy[] => {
    const rules = rulesOf(project, service, isDivided);
    if (rules === undefined) return [];
    return [
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: objectName(name), labels: serviceLabels(project, name) },
        spec: { podSelector: { matchLabels: serviceSelector(project, name) }, ...rules },
      },
    ];
  });
}

function rulesOf(
  project: Project,
  service: Service,
  isDivided: boolean,
): Omit<Rules, "podSelector"> | undefined {
  if (service.network_mode === "none") return { policyTypes: ["Ingress", "Egress"] };
  if (service.network_mode !== undefined) return undefined;
  const networks = networksOf(service);
  const isInternal = networks.every((it) => project.networks[it]?.internal === true);
  if (!isDivided && !isInternal) return undefined;
  const peers = networks.map((it) => ({
    podSelector: {
      matchLabels: {
        [projectLabel]: project.name,
        [`${networkLabelPrefix}${objectName(it)}`]: "true",
      },
    },
  }));
  const ports = (service.ports ?? []).map((it) => ({
    port: it.target,
    protocol: it.protocol.toUpperCase(),
  }));
  return present({
    policyTypes: isInternal ? ["Ingress", "Egress"] : ["Ingress"],
    ingress: [{ from: peers }, ...(ports.length === 0 ? [] : [{ ports }])],
    egress: isInternal ? [{ to: peers }, { ports: nameServers }] : undefined,
  });
}

/** Names are asked for everywhere. */
const nameServers = [
  { port: 53, protocol: "UDP" },
  { port: 53, protocol: "TCP" },
];
