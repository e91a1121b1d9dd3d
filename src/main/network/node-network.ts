import { readFile } from "node:fs/promises";
import type { UserInfo } from "#apiserver/contract.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { findProgram, MissingProgramsError } from "#cri/containerd/binaries.ts";
import { runClusterDns } from "#dns/cluster-dns.ts";
import { parseResolvConf } from "#kubelet/pod/dns.ts";
import { removePodNetwork } from "#network/links.ts";
import { runPodNetwork } from "#network/pod-network.ts";
import { runHostPorts } from "#proxy/hostports/host-ports.ts";
import { openPodLoopback } from "#proxy/hostports/pod-loopback.ts";
import { ProxyMetrics } from "#proxy/metrics.ts";
import { nftOf } from "#proxy/nft/nft.ts";
import type { PodAdmission } from "#proxy/policy/admission.ts";
import { runPolicyEnforcer } from "#proxy/policy/enforcer.ts";
import { removeTable } from "#proxy/nft/table.ts";
import { ensureLoopbackAddress, removeLoopbackAddress } from "#proxy/loopback-address.ts";
import { ensureServiceRoute, removeServiceRoute } from "#proxy/service-route.ts";
import { conntrackOf, type Conntrack } from "#proxy/conntrack.ts";
import { HealthCheckServers } from "#proxy/services/health-check-servers.ts";
import type { HealthCheck } from "#proxy/services/plan.ts";
import { runServiceProxy } from "#proxy/services/proxy.ts";
import {
  clusterDomain,
  dnsAddress,
  machineAddress,
  podGateway,
  podRange,
  serviceRange,
} from "./network-plan.ts";
import { nodeNames } from "./node-names.ts";

export interface NodeNetworkOptions {
  readonly nodeName: string;
  /** The node's own address. */
  readonly address: string;
  readonly nodeDirectory: string;
  /** In the name of {@link networkUser}, or of a user with the same rights. */
  readonly client: Client;
  readonly admission: PodAdmission;
  /** Shown at the node's `/metrics`. */
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Who the part of a node is that makes services and pods reachable; its rights are upstream's. */
export const networkUser: UserInfo = {
  name: "system:kube-proxy",
  uid: "",
  groups: ["system:authenticated"],
  extra: {},
};

/**
 * The address at which pods reach this machine. A machine without any network gets one that only its
 * pods see. Root only. @throws {MissingProgramsError}
 */
export async function nodeAddress(nodeDirectory: string, signal: AbortSignal): Promise<string> {
  const found = machineAddress();
  if (!found.startsWith("127.")) return found;
  const { ip } = await programs();
  await ensureLoopbackAddress(ip, podGateway, loopbackLabel(nodeDirectory), signal);
  return podGateway;
}

/** Of the address that this node put on the loopback device; the kernel allows 15 characters. */
function loopbackLabel(nodeDirectory: string): string {
  return `lo:${nodeNames(nodeDirectory).hostTable.replace("gantry_", "g")}`;
}

/**
 * Makes services, and the pods of other nodes, reachable from the node and its pods, until the signal
 * aborts; rules and routes stay.
 * Root only. @throws {MissingProgramsError}
 */
export async function runNodeNetwork(
  options: NodeNetworkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, random, nodeName } = options;
  const log = options.log.with({ component: "proxy" });
  const names = nodeNames(options.nodeDirectory);
  const { nft, ip } = await programs();
  const route = { ip, serviceRange, table: names.serviceTable };
  await ensureServiceRoute(route, options.address, signal);
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  using checkServers = new HealthCheckServers(options.address, log);
  const common = { informers, nodeName, podRange, nft: nftOf(nft), clock, log };
  const conntrack = await findConntrack(log);
  const services = {
    serviceRange,
    table: names.serviceTable,
    conntrack,
    metrics: new ProxyMetrics(options.metrics, clock),
    checks: (checks: readonly HealthCheck[]) => {
      checkServers.set(checks);
    },
  };
  const hostPorts = {
    table: names.hostPortTable,
    conntrack,
    openLoopback: (address: string, stop: AbortSignal) => openPodLoopback(ip, address, stop),
  };
  const policies = { admission: options.admission, dnsAddress, table: names.policyTable };
  await Promise.all([
    runServiceProxy({ ...common, ...services }, signal),
    runHostPorts({ ...common, ...hostPorts }, signal),
    runPolicyEnforcer({ ...common, ...policies }, signal),
    runPodNetwork({ nodeName, names, informers, clock, log }, signal),
    runDns(options, { informers, nft }, signal),
  ]);
}

async function runDns(
  { address, clock, log, nodeDirectory, metrics }: NodeNetworkOptions,
  at: { readonly informers: Informers; readonly nft: string },
  signal: AbortSignal,
): Promise<void> {
  // A machine without one has nobody to ask for other names.
  const resolvConf = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  await runClusterDns(
    {
      informers: at.informers,
      domain: clusterDomain,
      serviceAddress: dnsAddress,
      address,
      ranges: [serviceRange, podRange],
      servers: parseResolvConf(resolvConf).servers,
      table: nodeNames(nodeDirectory).dnsTable,
      applyRules: (script, stop) => nftOf(at.nft).apply(script, stop),
      metrics,
      clock,
      log: log.with({ component: "dns" }),
    },
    signal,
  );
}

/** Removes all that {@link runNodeNetwork} left behind. Nothing there is success. */
export async function removeNodeNetwork(nodeDirectory: string, signal: AbortSignal): Promise<void> {
  const names = nodeNames(nodeDirectory);
  const { nft, ip } = await programs();
  await removePodNetwork(names, signal);
  const { serviceTable, policyTable, hostPortTable, dnsTable } = names;
  for (const table of [serviceTable, policyTable, hostPortTable, dnsTable]) {
    await removeTable(nftOf(nft), table, signal);
  }
  await removeServiceRoute({ ip, serviceRange, table: names.serviceTable }, signal);
  await removeLoopbackAddress(ip, loopbackLabel(nodeDirectory), signal);
}

async function findConntrack(log: Logger): Promise<Conntrack | undefined> {
  const program = await findProgram("conntrack");
  if (program !== undefined) return conntrackOf(program);
  const remedy = "apt-get install --no-install-recommends conntrack, then gantry down and up";
  log.error("UDP flows will stay with endpoints that are gone: conntrack is missing", { remedy });
  return undefined;
}

async function programs(): Promise<{ readonly nft: string; readonly ip: string }> {
  const [nft, ip] = await Promise.all([findProgram("nft"), findProgram("ip")]);
  if (nft !== undefined && ip !== undefined) return { nft, ip };
  throw new MissingProgramsError([
    ...(nft === undefined ? [{ program: "nft", package: "nftables" }] : []),
    ...(ip === undefined ? [{ program: "ip", package: "iproute2" }] : []),
  ]);
}
