import type { Service } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import { Backoff } from "#base/backoff.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import type { Informers } from "#client/informers.ts";
import { nodes } from "#client/kinds.ts";
import { Waiters } from "#client/waiters.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { IngressCluster } from "./cluster.ts";
import { renderConfig, type ConfigSettings } from "./haproxy/config.ts";
import { Haproxy } from "./haproxy/haproxy.ts";
import { assignSlots, slotChanges, type Slots } from "./haproxy/slots.ts";
import { exposeProxy } from "./metrics.ts";
import type { IngressPlan } from "./model.ts";
import { balancerOn, isFree, portsAnnotation } from "./ports.ts";

export interface IngressNodeOptions {
  /** In the node's name: it reads the Secrets that Ingresses refer to, and annotates its Node. */
  readonly client: Client;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  /** Full path of `haproxy`; undefined when the machine lacks it. */
  readonly program: string | undefined;
  /** For the proxy's files. */
  readonly directory: string;
  /** 0: not at all. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** What of the machine the proxy may use. */
  readonly resources: Pick<ConfigSettings, "connectionsMax" | "threads" | "user">;
  /** PEM of a certificate that nobody trusts, and its key; asked for once. */
  readonly makeCertificate: () => Promise<string>;
  /** Shown at the node's `/metrics`. */
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Changes that come within this time are one. */
const gatherMs = 50;
/** From one change to the next, at least: a new generation of the proxy costs a tenth of a second. */
const pauseMs = 300;
/** A port that was taken is tried again after this time; nothing tells when it is free. */
const portRetryMs = 10_000;

/**
 * Serves the Ingresses of the cluster on this node, while there are any, until the signal aborts;
 * requests under way have a moment to end then.
 */
export async function runIngressNode(
  options: IngressNodeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, nodeName } = options;
  const node = informers.of(nodes, { fieldSelector: `metadata.name=${nodeName}` });
  await node.synced(signal);
  await new IngressNode(options).run(signal);
}

interface Parts {
  readonly haproxy: Haproxy;
  readonly cluster: IngressCluster;
  /** Looks again after a while. */
  readonly retry: () => void;
}

/** What the running proxy was started with. */
interface Running {
  /** Everything but the endpoints. */
  readonly structure: string;
  readonly slots: Slots;
}

class IngressNode {
  readonly #options: IngressNodeOptions;
  readonly #waiters = new Waiters();
  readonly #backoff = new Backoff<string>({ initialMs: 200, maxMs: 30_000 });
  #isDirty = true;
  #defaultCertificate: string | undefined;
  #running: Running | undefined;
  /** Ports on which the proxy listens. */
  #held: ReadonlySet<number> = new Set();
  /** Said once each time that they change. */
  #faults = "";
  #retrying = false;

  constructor(options: IngressNodeOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, program = "", directory } = this.#options;
    await using stack = new AsyncDisposableStack();
    const tasks = stack.use(
      new TaskGroup((error) => {
        log.error("ingress failed", { error: error as Error });
      }),
    );
    const touch = (): void => {
      this.#isDirty = true;
      this.#waiters.check();
    };
    const haproxy = await Haproxy.open({ program, directory, clock, log }, () => {
      log.error("the ingress proxy ended; it is started again");
      this.#running = undefined;
      this.#held = new Set();
      touch();
    });
    stack.defer(async () => {
      await haproxy.stop();
    });
    stack.use(exposeProxy(this.#options.metrics, clock, () => haproxy.statistics(signal)));
    this.#held = await haproxy.ports();
    const cluster = stack.use(new IngressCluster(this.#options, touch));
    const retry = (): void => {
      if (this.#retrying) return;
      this.#retrying = true;
      tasks.start(async (stop) => {
        await clock.sleep(portRetryMs, stop);
        this.#retrying = false;
        touch();
      });
    };
    while (!signal.aborted) {
      try {
        await this.#waiters.until(() => this.#isDirty, signal);
        await clock.sleep(gatherMs, signal);
        this.#isDirty = false;
        await this.#follow(await cluster.plan(signal), { haproxy, cluster, retry }, signal);
        this.#backoff.succeed("");
        await clock.sleep(pauseMs, signal);
      } catch (error) {
        if (isAborted(signal)) return;
        this.#isDirty = true;
        const afterMs = this.#backoff.fail("");
        const cause = error instanceof Error ? error : new Error(String(error));
        log.error("ingress rules not applied; what was there goes on", { afterMs, error: cause });
        await clock.sleep(afterMs, signal).catch(() => undefined); // Aborted: the loop ends.
      }
    }
  }

  async #follow(
    plan: IngressPlan,
    { haproxy, cluster, retry }: Parts,
    signal: AbortSignal,
  ): Promise<void> {
    if (plan.served.length === 0) {
      if (haproxy.isRunning) await haproxy.stop();
      this.#running = undefined;
      this.#held = new Set();
      this.#report([]);
    } else {
      const { ports, faults } = await this.#ports(cluster.services());
      this.#report(faults);
      if (faults.length > 0) retry();
      if (ports.size > 0) await this.#apply(plan, ports, haproxy, signal);
      else if (haproxy.isRunning) await haproxy.stop();
      this.#held = ports;
    }
    await this.#announce(signal);
  }

  async #apply(
    plan: IngressPlan,
    ports: ReadonlySet<number>,
    haproxy: Haproxy,
    signal: AbortSignal,
  ): Promise<void> {
    const { httpPort, httpsPort, resources, log } = this.#options;
    const slots = assignSlots(this.#running?.slots ?? new Map(), plan.backends);
    const settings = {
      ...resources,
      defaultCertificate: (this.#defaultCertificate ??= await this.#options.makeCertificate()),
      httpPort: ports.has(httpPort) ? httpPort : undefined,
      httpsPort: ports.has(httpsPort) ? httpsPort : undefined,
    };
    const structure = JSON.stringify([
      ...renderConfig(plan, emptied(slots), { ...settings, socket: "" }),
    ]);
    if (this.#running?.structure === structure && haproxy.isRunning) {
      const changes = slotChanges(this.#running.slots, slots);
      if (changes.length === 0) return;
      // Until it is known what the proxy has, the next time it is started anew.
      this.#running = undefined;
      await haproxy.change(changes, signal);
    } else {
      await haproxy.start((socket) => renderConfig(plan, slots, { ...settings, socket }), signal);
      const [rules, ingresses] = [plan.routes.exact.size + plan.routes.prefix.size, plan.served];
      log.info("ingress rules applied", { ingresses: ingresses.length, rules });
    }
    this.#running = { structure, slots };
  }

  /** The ports that the proxy has or can have, and what is wrong with the others. */
  async #ports(
    services: readonly Service[],
  ): Promise<{ readonly ports: Set<number>; readonly faults: string[] }> {
    const { httpPort, httpsPort, program } = this.#options;
    const [ports, faults] = [new Set<number>(), new Array<string>()];
    if (program === undefined) {
      const remedy = "apt-get install --no-install-recommends haproxy, then gantry down and up";
      return { ports, faults: [`ingresses are not served: haproxy is missing; ${remedy}`] };
    }
    for (const [port, option] of [
      [httpPort, "--ingress-http-port"],
      [httpsPort, "--ingress-https-port"],
    ] as const) {
      if (port === 0) continue;
      const balancer = balancerOn(port, services);
      const holder =
        balancer !== undefined
          ? `the LoadBalancer ${balancer}`
          : this.#held.has(port) || (await isFree(port))
            ? undefined
            : "another program";
      if (holder === undefined) ports.add(port);
      else
        faults.push(
          `port ${port} is taken by ${holder}; free it, or choose another with ${option}`,
        );
    }
    return { ports, faults };
  }

  /** Says what is wrong, in the log and by an event of the Node, once. */
  #report(faults: readonly string[]): void {
    const text = faults.join("\n");
    if (text === this.#faults) return;
    this.#faults = text;
    const { log, recorder, informers, nodeName } = this.#options;
    const selection = { fieldSelector: `metadata.name=${nodeName}` };
    const node = informers.of(nodes, selection).get(nodeName);
    for (const message of faults) {
      log.error("ingress does not serve", { reason: message });
      if (node === undefined) continue;
      recorder.record(nodes, node, { type: "Warning", reason: "IngressNotServed", message });
    }
  }

  /** Tells the cluster where this node answers. */
  async #announce(signal: AbortSignal): Promise<void> {
    const { client, informers, nodeName: name } = this.#options;
    const node = informers.of(nodes, { fieldSelector: `metadata.name=${name}` }).get(name);
    const wanted = [...this.#held].sort((a, b) => a - b).join(",");
    const present = node?.metadata?.annotations?.[portsAnnotation] ?? "";
    if (node === undefined || wanted === present) return;
    const annotations = { [portsAnnotation]: wanted === "" ? null : wanted };
    await client.patch(
      nodes,
      { name },
      { type: "merge", body: { metadata: { annotations } } },
      signal,
    );
  }
}

function emptied(slots: Slots): Slots {
  return new Map([...slots].map(([id, places]) => [id, places.map(() => undefined)]));
}

/** The compiler takes a signal that the loop looked at for one that stays as it was. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
