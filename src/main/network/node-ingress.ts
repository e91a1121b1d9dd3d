import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { UserInfo } from "#apiserver/contract.ts";
import { systemClock, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { findProgram } from "#cri/containerd/binaries.ts";
import { runIngressNode } from "#ingress/node.ts";
import { removeIngress } from "#ingress/remove.ts";
import { readFileIfPresent, writeFileAtomically } from "#pki/files.ts";
import { EventSender } from "#reconcile/events.ts";

/** On which ports a node serves Ingresses; 0: not at all. */
export interface IngressPorts {
  readonly ingressHttpPort: number;
  readonly ingressHttpsPort: number;
}

export interface NodeIngressOptions extends IngressPorts {
  readonly nodeName: string;
  readonly nodeDirectory: string;
  /** In the node's name. */
  readonly client: Client;
  /** Shown at the node's `/metrics`. */
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Writes the status of Ingresses and tells of what is wrong with them, for the whole cluster. */
export const ingressUser: UserInfo = {
  name: "system:gantry:ingress",
  uid: "",
  groups: ["system:authenticated"],
  extra: {},
};

/** Connections at a time; each takes two descriptors, and up to two buffers of memory. */
const connectionsMax = 10_000;
/** Descriptors for listening, logs, and the threads' own. */
const reservedDescriptors = 512;
/** More threads than this have served every node so far. */
const threadsMax = 8;
const certificateLifetimeMs = 10 * 365 * 24 * 3_600_000;

/** Serves Ingresses on this node until the signal aborts. Root only. */
export async function runNodeIngress(
  options: NodeIngressOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, random, metrics, nodeName: host } = options;
  const log = options.log.with({ component: "ingress" });
  const directory = directoryOf(options.nodeDirectory);
  if (options.ingressHttpPort === 0 && options.ingressHttpsPort === 0) {
    await removeIngress(directory, clock); // Of a run with other options.
    return;
  }
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  await using tasks = new TaskGroup((error) => {
    log.error("events of the ingress failed", { error: error as Error });
  });
  const recorder = new EventSender({ client, clock, log, component: "gantry-ingress", host });
  tasks.start(async (stop) => {
    await recorder.run(stop);
  });
  await runIngressNode(
    {
      ...{ client, informers, recorder, metrics, clock, random, log, directory, nodeName: host },
      program: await findProgram("haproxy"),
      httpPort: options.ingressHttpPort,
      httpsPort: options.ingressHttpsPort,
      resources: await proxyResources(),
      makeCertificate: () => defaultCertificate(directory, clock),
    },
    signal,
  );
}

/** Ends the proxy of a node that is down, and removes its files. Nothing there is success. */
export async function removeNodeIngress(nodeDirectory: string): Promise<void> {
  await removeIngress(directoryOf(nodeDirectory), systemClock);
}

function directoryOf(nodeDirectory: string): string {
  return join(nodeDirectory, "ingress");
}

async function proxyResources(): Promise<{
  readonly connectionsMax: number;
  readonly threads: number;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}> {
  const limits = await readFile("/proc/self/limits", "utf8");
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const affordable = Math.floor((hard - reservedDescriptors) / 2);
  return {
    connectionsMax: Math.max(100, Math.min(connectionsMax, affordable)),
    threads: Math.min(threadsMax, availableParallelism()),
    user: await unprivilegedUser(),
  };
}

async function unprivilegedUser(): Promise<
  { readonly uid: number; readonly gid: number } | undefined
> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  for (const name of ["haproxy", "nobody"]) {
    const line = users.split("\n").find((it) => it.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(":") ?? [];
    if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** A certificate that nobody trusts, with its key: made once for a node. */
async function defaultCertificate(directory: string, clock: Clock): Promise<string> {
  const path = join(directory, "default.pem");
  const kept = await readFileIfPresent(path);
  if (kept !== undefined) return kept;
  const { issuePair, makeAuthority } = await import("#pki/issue.ts");
  const name = "Gantry ingress default certificate";
  const authority = await makeAuthority(name, certificateLifetimeMs, clock.now());
  const profile = {
    commonName: name,
    organizations: [],
    hosts: ["ingress.local"],
    usages: ["server auth"],
    lifetimeMs: certificateLifetimeMs,
  } as const;
  const { certificate, key } = await issuePair(authority, profile, clock.now());
  const pem = `${certificate}${key}`;
  await writeFileAtomically(path, pem, 0o600);
  return pem;
}
