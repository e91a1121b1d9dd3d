import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { joinKey } from "#client/object-key.ts";
import { pauseImageName } from "#cri/images/pause.ts";
import type { Runtime } from "#cri/runtime.ts";
import { accessReviews } from "#kubelet/cluster/access-reviews.ts";
import { ClusterConnection } from "#kubelet/cluster/connect.ts";
import { Kubelet } from "#kubelet/kubelet.ts";
import type { PodNetwork } from "#kubelet/ports.ts";
import { readMachine } from "#kubelet/node/machine.ts";
import { parseDuration } from "#kubelet/settings/duration.ts";
import { parseSettings, type KubeletSettings } from "#kubelet/settings/settings.ts";
import { KubeletAccess } from "#kubelet/server/access.ts";
import { openKubeletServer, type KubeletServer } from "#kubelet/server/server.ts";
import type { CertificatePair } from "#pki/files.ts";
import type { PodAdmission } from "#proxy/policy/admission.ts";
import { EventSender } from "#reconcile/events.ts";
import type { Drain } from "#main/process/drain.ts";
import { nodeNames } from "#main/network/node-names.ts";
import { clusterDomain, dnsAddress } from "#main/network/network-plan.ts";
import { exposeCertificate } from "#main/control-plane/certificate-metrics.ts";
import { diskOf } from "./runtime.ts";
import { exposeProcess } from "#main/process/process-metrics.ts";

/** The release of Kubernetes whose API the node speaks; kubectl shows it as the node's version. */
export const kubernetesVersion = "v1.36.0";

export interface NodeOptions {
  readonly name: string;
  readonly address: string;
  readonly client: Client;
  /** Of the node's server. */
  readonly serving: CertificatePair;
  /** Gives each newer certificate to `take` until the signal aborts. */
  readonly keepServing: (
    take: (pair: CertificatePair) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  /** PEM of the authority of those who may call the node's server. */
  readonly clientCa: string;
  readonly runtime: Runtime;
  /** False for the simulated runtime: no mounts, no control groups, no probes over the network. */
  readonly isReal: boolean;
  readonly nodeDirectory: string;
  /** Holds new pods back until their network policies are in place; undefined: nobody does. */
  readonly admission?: PodAdmission | undefined;
  readonly drain: Drain;
  /** Shown at the node's `/metrics`. */
  readonly metrics: MetricRegistry;
  /** `30s`, in place of what kubelet.yaml says. */
  readonly shutdownGrace: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Runs this machine's node until the signal aborts; its containers go on running. */
export async function runNode(options: NodeOptions, signal: AbortSignal): Promise<void> {
  const { name, client, clock, random, isReal } = options;
  const log = options.log.with({ component: "kubelet" });
  await using informers = new Informers({ client, clock, random, log, freeze: false });
  await using tasks = new TaskGroup((error) => {
    log.error("kubelet failed", { error: error as Error });
  });
  const recorder = new EventSender({ client, clock, log, component: "kubelet", host: name });
  tasks.start(async (stop) => {
    await recorder.run(stop);
  });
  const connection = { client, informers, clock, random, log, nodeName: name };
  await using cluster = new ClusterConnection(connection);
  const places = diskOf(options.nodeDirectory);
  const settings = await readSettings(options.nodeDirectory);
  await mkdir(options.nodeDirectory, { recursive: true, mode: 0o700 });
  const kubelet = await Kubelet.open(
    {
      identity: {
        name,
        addresses: [options.address],
        labels: {},
        podsMax: settings.podsMax,
        port: 0,
        version: kubernetesVersion,
      },
      runtime: options.runtime,
      ports: { ...cluster.of(name, recorder), network: networkOf(options.admission) },
      dns: { servers: isReal ? [dnsAddress] : [], domain: clusterDomain },
      disk: {
        ...places,
        cgroupRoot: isReal ? nodeNames(options.nodeDirectory).cgroupParent : undefined,
        isPrivileged: isReal,
      },
      staticPodPath: settings.staticPodPath ?? join(options.nodeDirectory, "..", "manifests"),
      housekeeping: isReal
        ? {
            settings,
            nodeDirectory: places.rootDirectory,
            imageDirectory: options.nodeDirectory,
            pinnedImages: [pauseImageName],
          }
        : undefined,
      probes: isReal,
      machine: async () => await readMachine(options.nodeDirectory),
      startsMax: 2 * availableParallelism(),
      relistMs: 10_000,
      metrics: options.metrics,
      clock,
      random,
      log,
    },
    signal,
  );
  await using server = await openServer(options, kubelet, log);
  kubelet.announcePort(server.port);
  await using stack = new AsyncDisposableStack();
  const drained = options.drain.add(async (graceMs) => {
    const grace = shutdownOf(settings, options.shutdownGrace, graceMs);
    if (grace.graceMs > 0) await kubelet.shutDown(grace, signal);
  });
  stack.use(drained);
  stack.use(exposeProcess(options.metrics));
  keepCertificate(options, server, { tasks, stack });
  await kubelet.run(signal);
}

function keepCertificate(
  { serving, keepServing, metrics, clock }: NodeOptions,
  server: KubeletServer,
  with_: { readonly tasks: TaskGroup; readonly stack: AsyncDisposableStack },
): void {
  let { certificate } = serving;
  with_.stack.use(exposeCertificate("server", () => certificate, { metrics, clock }));
  with_.tasks.start(async (stop) => {
    await keepServing((pair) => {
      server.renew(pair);
      certificate = pair.certificate;
    }, stop);
  });
}

/**
 * A KubeletConfiguration beside the node's directory, for whoever needs other limits than the usual.
 * @throws {Error} naming the file and what is wrong with it.
 */
async function readSettings(nodeDirectory: string): Promise<KubeletSettings> {
  const path = join(nodeDirectory, "..", "kubelet.yaml");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  });
  try {
    return parseSettings(text);
  } catch (cause) {
    throw new Error(path, { cause });
  }
}

/** The time that pods have to end: what is configured, or at least what was asked for. */
function shutdownOf(
  { shutdown }: KubeletSettings,
  option: string | undefined,
  askedMs: number | undefined,
): KubeletSettings["shutdown"] {
  const configuredMs = option === undefined ? shutdown.graceMs : (parseDuration(option) ?? 0);
  const graceMs = configuredMs > 0 ? configuredMs : (askedMs ?? 0);
  return { graceMs, criticalMs: Math.min(shutdown.criticalMs, graceMs) };
}

function networkOf(admission: PodAdmission | undefined): PodNetwork | undefined {
  if (admission === undefined) return undefined;
  return {
    admit: async ({ namespace, name }, address, signal) => {
      await admission.admit(joinKey(namespace, name), address, signal);
    },
  };
}

/** Kubernetes' own port, where it is free; several nodes on one machine take others. */
const usualPort = 10_250;

async function openServer(
  options: NodeOptions,
  kubelet: Kubelet,
  log: Logger,
): Promise<KubeletServer> {
  const { name, address, serving, clientCa, runtime, clock } = options;
  const tls = { key: serving.key, cert: serving.certificate, clientCa };
  const served = {
    metrics: kubelet.metrics,
    access: new KubeletAccess(accessReviews(options.client, name), clock),
    pods: kubelet.servedPods,
    usage: kubelet.usage,
    localVolumes: kubelet.localVolumes,
  };
  const common = { host: address, tls, nodeName: name, runtime, ...served, clock, log };
  try {
    return await openKubeletServer({ ...common, port: usualPort });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return await openKubeletServer({ ...common, port: 0 });
  }
}
