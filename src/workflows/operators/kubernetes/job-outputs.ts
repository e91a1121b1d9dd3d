import type { Pod } from "#api/gen/types.ts";
import type { Json } from "#api/object.ts";
import { describeError } from "#base/log.ts";
import type { TaskCluster } from "#workflows/kubernetes/cluster.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";
import { endSidecar, takeXcom } from "./xcom.ts";

/** Takes what the pods of a Job hand on, each when its container has ended, and lets them end then. */
export class JobOutputs {
  readonly #call: OperatorCall;
  readonly #cluster: TaskCluster;
  readonly #container: string;
  /** By the pod's name; in the order in which their containers have ended. */
  readonly #taken = new Map<string, Promise<Json | undefined>>();

  /** @param container that counts. */
  constructor(call: OperatorCall, cluster: TaskCluster, container: string) {
    this.#call = call;
    this.#cluster = cluster;
    this.#container = container;
  }

  see(pod: Pod): void {
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const { containerStatuses = [] } = pod.status ?? {};
    const base = containerStatuses.find((it) => it.name === this.#container);
    const ended = base?.state?.terminated;
    if (ended === undefined || this.#taken.has(name)) return;
    const taken = this.#take({ namespace, name }, ended.exitCode === 0);
    taken.catch(() => undefined);
    this.#taken.set(name, taken);
  }

  /** Of the pods that left something. @throws {FailError} for what cannot be handed on. */
  async all(): Promise<readonly Json[]> {
    const values = await Promise.all(this.#taken.values());
    return values.filter((it) => it !== undefined);
  }

  async #take(
    at: { readonly namespace: string; readonly name: string },
    succeeded: boolean,
  ): Promise<Json | undefined> {
    const { clock, context, log } = this.#call;
    const { connection } = this.#cluster;
    try {
      return succeeded ? await takeXcom(connection, at, clock, context.signal) : undefined;
    } finally {
      await endSidecar(connection, at, context.signal).catch((error: unknown) => {
        log.line("WARNING", `the sidecar of ${at.name} was not ended: ${describeError(error)}`);
      });
    }
  }
}
