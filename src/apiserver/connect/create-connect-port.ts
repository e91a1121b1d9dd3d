import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { JsonObject } from "#api/object.ts";
import { badRequest, invalidObject, notFound, StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { ConnectPort, ConnectTarget } from "#apiserver/connect-port.ts";
import type { ObjectSource } from "#apiserver/contract.ts";
import { headerOf, type ApiRequest, type ApiResponse } from "#apiserver/http/exchange.ts";
import type { Upgraded } from "#streaming/upgrade.ts";
import { dialed } from "./dial.ts";
import { KubeletClient, type KubeletCredentials } from "./kubelet-client.ts";
import { logsOverWebSocket } from "./log-websocket.ts";
import { nodeEndpoint, type NodeEndpoint } from "./node-endpoint.ts";
import { kubeletRefusal, nodeFailure } from "./node-error.ts";
import { logPath, nodeNameOf, streamPath, unassigned } from "./pod-requests.ts";
import { proxyRequest, proxyUpgrade } from "./proxy.ts";
import { pump, readText } from "./pump.ts";
import { splice } from "./splice.ts";
import { readLogRequest } from "./validation.ts";

export interface ConnectOptions {
  readonly objects: ObjectSource;
  /** The certificate must name what kubelets expect: `kube-apiserver-kubelet-client`. */
  readonly tls: KubeletCredentials;
  readonly clock: Clock;
  readonly random: Random;
}

/** What a kubelet says when it refuses is short. */
const refusalBytesMax = 64 * 1024;

/** The way from the API server to kubelets, pods and services. */
export function createConnectPort(options: ConnectOptions): ConnectPort {
  return new Connector(options);
}

class Connector implements ConnectPort {
  readonly #options: ConnectOptions;
  readonly #kubelets: KubeletClient;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#kubelets = new KubeletClient(options.tls);
  }

  async forward(target: ConnectTarget, request: ApiRequest): Promise<ApiResponse> {
    if (target.subresource === "proxy") {
      return await proxyRequest(this.#proxyPorts(), target, request);
    }
    if (target.subresource !== "log") throw badRequest("Upgrade request required");
    const response = await this.#openLog(target, request);
    request.longRunning();
    return {
      status: 200,
      headers: { "content-type": "text/plain", "cache-control": "no-cache, private" },
      body:
        response === undefined
          ? { kind: "bytes", bytes: new Uint8Array() }
          : { kind: "stream", live: true, run: (sink, signal) => pump(response, sink, signal) },
    };
  }

  async upgrade(
    target: ConnectTarget,
    request: ApiRequest,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    if (target.subresource === "proxy") {
      await proxyUpgrade(this.#proxyPorts(), target, request, { socket, head });
      return;
    }
    if (target.subresource === "log") {
      await logsOverWebSocket(() => this.#openLog(target, request), request, { socket, head });
      return;
    }
    const pod = podOf(target);
    const path = streamPath(pod, target.subresource, target.query);
    const nodeName = nodeNameOf(pod);
    if (nodeName === undefined) throw unassigned(pod);
    const node = this.#nodeOf(nodeName);
    splice(socket, head, await this.#dial(node, path, request));
  }

  /** The kubelet is asked just as the client asked; what it answers is passed on byte by byte. */
  async #dial(node: NodeEndpoint, path: string, request: ApiRequest): Promise<Upgraded> {
    const upgrade = headerOf(request, "upgrade") ?? "";
    const headers = streamHeaders(request);
    const method = request.method;
    try {
      return await dialed(this.#options.clock, request.signal, (signal) =>
        this.#kubelets.upgrade(node, { method, upgrade, headers, path }, signal),
      );
    } catch (error) {
      throw nodeFailure(node, error);
    }
  }

  /** Undefined: the pod runs nowhere yet, and has no log. */
  async #openLog(target: ConnectTarget, request: ApiRequest): Promise<IncomingMessage | undefined> {
    const pod = podOf(target);
    const asked = readLogRequest(target.query);
    if ("unreadable" in asked) throw badRequest(asked.unreadable);
    if (asked.errors.length > 0) {
      throw invalidObject({ group: "", kind: "PodLogOptions" }, target.name, asked.errors);
    }
    const path = logPath(pod, target.query, asked.params);
    const nodeName = nodeNameOf(pod);
    if (nodeName === undefined) return undefined;
    const node = this.#nodeOf(nodeName);
    let response: IncomingMessage;
    try {
      response = await this.#kubelets.request(node, { method: "GET", path }, request.signal);
    } catch (error) {
      throw nodeFailure(node, error);
    }
    const { statusCode = 502 } = response;
    if (statusCode !== 200) {
      throw kubeletRefusal(statusCode, await readText(response, refusalBytesMax));
    }
    return response;
  }

  #nodeOf(name: string): NodeEndpoint {
    const node = this.#options.objects.get("nodes", "", "", name);
    if (node === undefined) throw notFound({ group: "", plural: "nodes" }, name);
    return nodeEndpoint(node);
  }

  #proxyPorts(): Parameters<typeof proxyRequest>[0] {
    const { objects, clock, random } = this.#options;
    return { objects, clock, random, kubelets: this.#kubelets };
  }
}

function podOf({ object, name }: ConnectTarget): JsonObject {
  if (object !== undefined) return object;
  throw new StatusError(404, "NotFound", `pods "${name}" not found`, {
    details: { name, kind: "pods" },
  });
}

/** What a kubelet needs to answer the upgrade; who the client is stays here. */
function streamHeaders(request: ApiRequest): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    const isWanted = name.startsWith("sec-websocket-") || name.startsWith("x-stream-");
    if (value !== undefined && isWanted) headers[name] = value;
  }
  return headers;
}
