import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "#base/clock.ts";
import { certificateSubject, type PeerSubject } from "#pki/subject.ts";
import { nodeSubresources, verbOf } from "./node-attributes.ts";

/** The name under which the API server calls kubelets. */
export const apiServerClientName = "kube-apiserver-kubelet-client";
/** Members may do everything. */
const administrators = "system:masters";

/** Why a caller is turned away. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly text: string;
}

/** Somebody who calls the kubelet. */
export interface Caller {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

/** What of a request tells who asks for what. */
export interface CallerRequest {
  readonly socket: {
    readonly authorized: boolean;
    getPeerCertificate(): { readonly subject?: object };
  };
  readonly headers: IncomingHttpHeaders;
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** It takes the connection over, and so does more than its method says. */
  readonly isConnection: boolean;
}

/** What the API server says of callers. */
export interface AccessReviews {
  /** Whom a token speaks for; undefined: for nobody. */
  identify(token: string, signal: AbortSignal): Promise<Caller | undefined>;
  /** Whether the caller may do it to a subresource of this node. */
  isAllowed(
    caller: Caller,
    verb: string,
    subresource: string,
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** How long answers are remembered, as upstream: tokens, what is allowed, what is not. */
const tokenMs = 120_000;
const allowedMs = 300_000;
const refusedMs = 30_000;
/** Answers of one sort that are remembered. */
const answersMax = 1_000;

/**
 * Who may call a kubelet: the API server and administrators, by certificate; others as the API
 * server says of their certificate or token, for a subresource of the node: `metrics`, `stats`,
 * `proxy`… Upstream: `pkg/kubelet/server/auth.go`.
 */
export class KubeletAccess {
  readonly #reviews: AccessReviews;
  readonly #tokens: Remembered<Caller | undefined>;
  readonly #decisions: Remembered<boolean>;

  constructor(reviews: AccessReviews, clock: Clock) {
    this.#reviews = reviews;
    this.#tokens = new Remembered(clock, (it) => (it === undefined ? refusedMs : tokenMs));
    this.#decisions = new Remembered(clock, (it) => (it ? allowedMs : refusedMs));
  }

  /** Undefined: the caller may. */
  async refusal(request: CallerRequest, signal: AbortSignal): Promise<Refusal | undefined> {
    const caller = certificateCaller(request.socket) ?? (await this.#tokenCaller(request, signal));
    if (caller === undefined) return { status: 401, text: "Unauthorized" };
    const { name, groups } = caller;
    const isCertified = request.socket.authorized;
    if (isCertified && (name === apiServerClientName || groups.includes(administrators))) {
      return undefined;
    }
    const verb = request.isConnection ? "create" : verbOf(request.method ?? "GET");
    const subresources = nodeSubresources(request.url ?? "/");
    for (const it of subresources) {
      if (await this.#isAllowed(caller, verb, it, signal)) return undefined;
    }
    const text = `Forbidden (user=${name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}])`;
    return { status: 403, text };
  }

  async #tokenCaller({ headers }: CallerRequest, signal: AbortSignal): Promise<Caller | undefined> {
    const [, token] = /^bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    if (token === undefined) return undefined;
    // Tokens themselves are not kept.
    const key = createHash("sha256").update(token).digest("base64");
    return await this.#tokens.of(key, () => this.#reviews.identify(token, signal));
  }

  async #isAllowed(
    caller: Caller,
    verb: string,
    subresource: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const key = JSON.stringify([caller, verb, subresource]);
    const ask = (): Promise<boolean> => this.#reviews.isAllowed(caller, verb, subresource, signal);
    return await this.#decisions.of(key, ask);
  }
}

/** Undefined without a good certificate that names somebody. */
function certificateCaller(socket: CallerRequest["socket"]): Caller | undefined {
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate).length === 0 || !socket.authorized) return undefined;
  // node:tls types the subject narrower than it is: repeated attributes come as a list.
  const { subject }: { subject: PeerSubject } = { subject: { ...certificate.subject } };
  const found = certificateSubject(subject);
  if (found === undefined) return undefined;
  const groups = [...found.organizations, "system:authenticated"];
  return { name: found.commonName, uid: "", groups };
}

/** Answers for a while, the oldest forgotten first. */
class Remembered<V> {
  readonly #clock: Clock;
  readonly #lifeMs: (value: V) => number;
  readonly #answers = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(clock: Clock, lifeMs: (value: V) => number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  async of(key: string, ask: () => Promise<V>): Promise<V> {
    const known = this.#answers.get(key);
    if (known !== undefined && this.#clock.monotonic() < known.until) return known.value;
    const value = await ask();
    this.#answers.delete(key);
    this.#answers.set(key, { value, until: this.#clock.monotonic() + this.#lifeMs(value) });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > answersMax && oldest !== undefined) this.#answers.delete(oldest);
    return value;
  }
}
