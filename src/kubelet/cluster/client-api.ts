import type { Lease, Node, Pod, PodStatus, RuntimeClass, ServiceAccount } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { isStatus, StatusError } from "#api/status.ts";
import { parseTime } from "#api/time.ts";
import type { Client } from "#client/client.ts";
import { leases, nodes, pods, runtimeClasses, serviceAccounts } from "#client/kinds.ts";
import type { IssuedToken, KubeletApi, ObjectName, TokenOptions } from "#kubelet/ports.ts";

/** The node agent's writes, over the API. */
export class ClientApi implements KubeletApi {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async patchPodStatus(
    at: ObjectName,
    patch: JsonObject,
    signal: AbortSignal,
  ): Promise<{ readonly resourceVersion: string; readonly status: PodStatus } | undefined> {
    try {
      const pod: Pod = await this.#client.patch(
        pods,
        { ...at, subresource: "status" },
        { type: "strategic", body: patch },
        signal,
      );
      const resourceVersion = pod.metadata?.resourceVersion ?? "";
      return { resourceVersion, status: pod.status ?? {} };
    } catch (error) {
      // Gone, or its name has passed to another pod: the uid in the patch does not match.
      if (isStatus(error, "NotFound") || isStatus(error, "Conflict")) return undefined;
      throw error;
    }
  }

  async createPod(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#client.create(pods, pod, {}, signal);
  }

  async deletePod(at: ObjectName, uid: string, signal: AbortSignal): Promise<void> {
    try {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      await this.#client.delete(pods, at, options, signal);
    } catch (error) {
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    }
  }

  async createToken(options: TokenOptions, signal: AbortSignal): Promise<IssuedToken> {
    const { serviceAccount, audience, expirationSeconds, pod } = options;
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: {
        audiences: audience === undefined || audience === "" ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", ...pod },
      },
    };
    const at = { ...serviceAccount, subresource: "token" };
    const answer = (await this.#client.createAt(serviceAccounts, at, request, signal)) as {
      readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
    };
    const expiresAtMs = parseTime(answer.status?.expirationTimestamp ?? "");
    if (answer.status?.token === undefined || expiresAtMs === undefined) {
      throw new Error(`the server gave no token for ${serviceAccount.name}`);
    }
    return { token: answer.status.token, expiresAtMs };
  }

  async serviceAccount(at: ObjectName, signal: AbortSignal): Promise<ServiceAccount | undefined> {
    return await orUndefined(this.#client.get(serviceAccounts, at, signal));
  }

  async runtimeClass(name: string, signal: AbortSignal): Promise<RuntimeClass | undefined> {
    return await orUndefined(this.#client.get(runtimeClasses, { name }, signal));
  }

  async getNode(name: string, signal: AbortSignal): Promise<Node | undefined> {
    return await orUndefined(this.#client.get(nodes, { name }, signal));
  }

  async createNode(node: Node, signal: AbortSignal): Promise<Node> {
    return await this.#client.create(nodes, node, {}, signal);
  }

  async patchNode(name: string, patch: JsonObject, signal: AbortSignal): Promise<Node> {
    const body = { type: "strategic", body: patch } as const;
    return await this.#client.patch(nodes, { name }, body, signal);
  }

  async patchNodeStatus(name: string, patch: JsonObject, signal: AbortSignal): Promise<Node> {
    const body = { type: "strategic", body: patch } as const;
    return await this.#client.patch(nodes, { name, subresource: "status" }, body, signal);
  }

  async getLease(at: ObjectName, signal: AbortSignal): Promise<Lease | undefined> {
    return await orUndefined(this.#client.get(leases, at, signal));
  }

  async createLease(lease: Lease, signal: AbortSignal): Promise<Lease> {
    return await this.#client.create(leases, lease, {}, signal);
  }

  async updateLease(lease: Lease, signal: AbortSignal): Promise<Lease> {
    return await this.#client.update(leases, lease, {}, signal);
  }
}

async function orUndefined<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof StatusError && error.reason === "NotFound") return undefined;
    throw error;
  }
}
