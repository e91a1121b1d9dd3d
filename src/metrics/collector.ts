import type { Node, Pod } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { nodes, pods } from "#client/kinds.ts";
import { keyOf, nameOf, namespaceOf } from "#client/object-key.ts";
import { Waiters } from "#client/waiters.ts";
import { nodeMetricsObject, podMetricsObject } from "./objects.ts";
import {
  parseResourceMetrics,
  usageBetween,
  type NodeSamples,
  type Sample,
  type Usage,
} from "./samples.ts";

export interface CollectorOptions {
  /** May read `nodes/proxy`. */
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often nodes are asked. */
const roundMs = 15_000;
/** Not more often than this for pods that have just started. */
const soonMs = 2_000;
const answerBytesMax = 16 * 1024 * 1024;
const answerMsMax = 10_000;

interface Measured {
  readonly last: NodeSamples;
  readonly node: Usage | undefined;
  /** By `namespace/pod/container`. */
  readonly containers: ReadonlyMap<string, Usage>;
}

/** Asks every node what it and its pods use, and knows the latest answer. */
export class UsageCollector {
  readonly #options: CollectorOptions;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #measured = new Map<string, Measured>();
  readonly #waiters = new Waiters();
  #isAsked = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#nodes = options.informers.of(nodes);
    this.#pods = options.informers.of(pods);
  }

  /** Objects of `metrics.k8s.io` for all nodes that have answered. */
  nodeMetrics(): readonly JsonObject[] {
    return this.#nodes.list().flatMap((node) => {
      const usage = this.#measured.get(nameOf(node))?.node;
      if (usage === undefined) return [];
      const labels = node.metadata?.labels ?? {};
      return [nodeMetricsObject({ name: nameOf(node), namespace: "", labels }, usage)];
    });
  }

  /** The same for pods, all of whose running containers have been measured. */
  podMetrics(namespace: string | undefined): readonly JsonObject[] {
    return this.#pods.list().flatMap((pod) => {
      if (namespace !== undefined && namespaceOf(pod) !== namespace) return [];
      if (pod.status?.phase !== "Running") return [];
      const containers = runningContainers(pod).map((name) => ({
        name,
        usage: this.#usageOf(pod, name),
      }));
      const labels = pod.metadata?.labels ?? {};
      const subject = { name: nameOf(pod), namespace: namespaceOf(pod), labels };
      const object = podMetricsObject(subject, containers);
      return object === undefined ? [] : [object];
    });
  }

  /** Asks until the signal aborts: every 15 seconds, and sooner when a pod has started. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await Promise.all([this.#nodes.synced(signal), this.#pods.synced(signal)]);
    const unsubscribe = this.#pods.subscribe(({ current }) => {
      if (current?.status?.phase === "Running" && !this.#isKnown(current)) this.#ask();
    });
    try {
      while (!signal.aborted) {
        this.#isAsked = this.#pods
          .list()
          .some((it) => it.status?.phase === "Running" && !this.#isKnown(it));
        await this.#round(signal);
        await clock.sleep(soonMs, signal);
        await this.#pause(signal);
      }
    } finally {
      unsubscribe();
    }
  }

  #ask(): void {
    this.#isAsked = true;
    this.#waiters.check();
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    const late = this.#options.clock.sleep(roundMs - soonMs, stop).catch(() => undefined);
    const asked = this.#waiters.until(() => this.#isAsked, stop).catch(() => undefined);
    await Promise.race([late, asked]);
    over.abort(new Error("the pause is over"));
    signal.throwIfAborted();
  }

  async #round(signal: AbortSignal): Promise<void> {
    // A node without a server has nobody to ask: it has just come, or is simulated.
    const serving = this.#nodes
      .list()
      .filter((it) => (it.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0) > 0);
    const known = new Set(serving.map(nameOf));
    for (const name of this.#measured.keys()) if (!known.has(name)) this.#measured.delete(name);
    await Promise.all([...known].map((name) => this.#measure(name, signal)));
  }

  async #measure(node: string, signal: AbortSignal): Promise<void> {
    const { client, clock, log } = this.#options;
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    clock.sleep(answerMsMax, stop).then(
      () => {
        over.abort(new Error("the node does not answer"));
      },
      () => undefined,
    );
    try {
      const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/metrics/resource`;
      const answer = await client.raw({ method: "GET", path, headers: {} }, stop);
      const text = await readText(answer.body);
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${text.slice(0, 200)}`);
      this.#take(node, parseResourceMetrics(text, clock.now()));
    } catch (error) {
      signal.throwIfAborted();
      this.#measured.delete(node);
      log.info("a node's usage is not known", { node, reason: String(error) });
    } finally {
      over.abort(new Error("answered"));
    }
  }

  #take(node: string, samples: NodeSamples): void {
    const before = this.#measured.get(node);
    const containers = new Map<string, Usage>();
    for (const [key, sample] of samples.containers) {
      const usage = usageBetween(before?.last.containers.get(key), sample);
      if (usage !== undefined) containers.set(key, usage);
    }
    const own: Sample | undefined = samples.node;
    const usage = own === undefined ? undefined : usageBetween(before?.last.node, own);
    this.#measured.set(node, { last: samples, node: usage, containers });
  }

  #usageOf(pod: Pod, container: string): Usage | undefined {
    const measured = this.#measured.get(pod.spec?.nodeName ?? "");
    return measured?.containers.get(`${keyOf(pod)}/${container}`);
  }

  #isKnown(pod: Pod): boolean {
    return runningContainers(pod).every((it) => this.#usageOf(pod, it) !== undefined);
  }
}

function runningContainers({ status }: Pod): readonly string[] {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.filter((it) => it.state?.running !== undefined).map((it) => it.name);
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > answerBytesMax)
      throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
