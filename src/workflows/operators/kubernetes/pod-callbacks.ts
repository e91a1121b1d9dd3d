import type { Pod } from "#api/gen/types.ts";
import type { Json } from "#api/object.ts";
import { describeError } from "#base/log.ts";
import type { PodCall, PodCallbacks, PodClient } from "#dag/authoring/pod-callbacks.ts";
import type { TaskCluster } from "#workflows/kubernetes/cluster.ts";
import type { OperatorCall } from "#workflows/operators/operator.ts";

type AboutPod = Exclude<
  keyof PodCallbacks,
  "onSyncClientCreation" | "onPodManifestCreated" | "progressCallback"
>;

/** The author's functions about the pod of a task, each called in the order in which they were given. */
export class PodCalls {
  readonly #all: readonly PodCallbacks[];
  readonly #told: PodCall;
  readonly #call: OperatorCall;

  private constructor(all: readonly PodCallbacks[], call: OperatorCall, cluster: TaskCluster) {
    this.#all = all;
    this.#call = call;
    this.#told = { client: clientOf(cluster, call.context.signal), context: call.context };
  }

  /** Those of a task; its function gives them. */
  static async of(call: OperatorCall, cluster: TaskCluster): Promise<PodCalls> {
    const given = (await call.run?.({}, call.context)) as
      PodCallbacks | readonly PodCallbacks[] | undefined;
    const all = given === undefined ? [] : isList(given) ? given : [given];
    const calls = new PodCalls(all, call, cluster);
    for (const it of all) await it.onSyncClientCreation?.(calls.#told);
    return calls;
  }

  /** @param podRequest may be changed by what is called. */
  async manifest(podRequest: Pod): Promise<void> {
    for (const it of this.#all) await it.onPodManifestCreated?.({ ...this.#told, podRequest });
  }

  async about(name: AboutPod, pod: Pod): Promise<void> {
    for (const it of this.#all) await it[name]?.({ ...this.#told, pod });
  }

  /** What these throw is in the task's log, and changes nothing. */
  async progress(line: string, containerName: string, timestamp: string): Promise<void> {
    for (const it of this.#all) {
      try {
        await it.progressCallback?.({ ...this.#told, line, containerName, timestamp });
      } catch (error) {
        this.#call.log.line("ERROR", `progressCallback failed: ${describeError(error)}`);
      }
    }
  }
}

function isList(given: PodCallbacks | readonly PodCallbacks[]): given is readonly PodCallbacks[] {
  return Array.isArray(given);
}

function clientOf({ client }: TaskCluster, signal: AbortSignal): PodClient {
  return {
    async request(method, path, body) {
      const headers = { "content-type": "application/json", accept: "application/json" };
      const own = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
      const text = await client.text({ method, path, headers, ...own }, signal);
      return text === "" ? null : (JSON.parse(text) as Json);
    },
  };
}
