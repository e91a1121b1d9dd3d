import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { JsonObject } from "#api/object.ts";
import type { UserInfo } from "./contract.ts";
import type { ApiRequest, ApiResponse } from "./http/exchange.ts";

/**
 * A request that is carried on to a node, pod or service instead of being answered from the store.
 * Authentication, authorization and CONNECT admission are done.
 */
export interface ConnectTarget {
  /** `pods`, `services` or `nodes`. */
  readonly resource: string;
  /** `exec`, `attach`, `portforward`, `log` or `proxy`. */
  readonly subresource: string;
  readonly namespace: string;
  /** As in the URL; for `proxy` it may be `https:name:port`. */
  readonly name: string;
  /** What follows `proxy` in the path, without its first slash; undefined when nothing does. */
  readonly rest: string | undefined;
  /** Decoded; repeated parameters (`command`) in order. */
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** The pod or node, as stored; undefined for services and for names that carry a port. */
  readonly object: JsonObject | undefined;
}

/** Carries requests on to kubelets, pods and services. */
export interface ConnectPort {
  /**
   * A plain request: logs, proxied GETs and the like. The body may stream; the port calls
   * `request.longRunning()` for what may take its time.
   * @throws {StatusError} when there is nothing to connect to.
   */
  forward(target: ConnectTarget, request: ApiRequest): Promise<ApiResponse>;
  /**
   * Takes the socket over: exec, attach and port-forward over WebSocket or SPDY, and proxied
   * upgrades. Resolves when the connection is established or answered.
   * @throws {StatusError} before anything was written to the socket.
   */
  upgrade(target: ConnectTarget, request: ApiRequest, socket: Duplex, head: Buffer): Promise<void>;
}
