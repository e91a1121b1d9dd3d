import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { IssuedToken, KubeletApi } from "#kubelet/ports.ts";

/** A token is replaced after this share of its life, and after a day in any case. */
const refreshShare = 0.8;
const ageMsMax = 24 * 3_600_000;
/** What the API makes of a projection that does not say. */
const defaultExpirationSeconds = 3_600;

interface Kept extends IssuedToken {
  readonly issuedAtMs: number;
}

/** Service account tokens of the pods of one node, asked for again before they end. */
export class Tokens {
  readonly #api: KubeletApi;
  readonly #clock: Clock;
  /** By pod uid, then by audience and lifetime. */
  readonly #kept = new Map<string, Map<string, Kept>>();

  constructor(api: KubeletApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** A token that is good for a while. An old one is used on while a new one cannot be had. */
  async get(
    pod: Pod,
    request: {
      readonly audience?: string | undefined;
      readonly expirationSeconds?: number | undefined;
    },
    signal: AbortSignal,
  ): Promise<string> {
    const uid = pod.metadata?.uid ?? "";
    const expirationSeconds = request.expirationSeconds ?? defaultExpirationSeconds;
    const key = `${request.audience ?? ""}/${expirationSeconds}`;
    const kept = this.#kept.get(uid)?.get(key);
    const nowMs = this.#clock.now();
    if (kept !== undefined && nowMs < refreshAtMs(kept)) return kept.token;
    try {
      const issued = await this.#issue(pod, request.audience, expirationSeconds, signal);
      const tokens = this.#kept.get(uid) ?? new Map<string, Kept>();
      this.#kept.set(uid, tokens.set(key, { ...issued, issuedAtMs: nowMs }));
      return issued.token;
    } catch (error) {
      if (kept !== undefined && nowMs < kept.expiresAtMs) return kept.token;
      throw error;
    }
  }

  async #issue(
    pod: Pod,
    audience: string | undefined,
    expirationSeconds: number,
    signal: AbortSignal,
  ): Promise<IssuedToken> {
    const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
    const serviceAccount = { namespace, name: pod.spec?.serviceAccountName ?? "default" };
    const options = { serviceAccount, audience, expirationSeconds, pod: { name, uid } };
    return await this.#api.createToken(options, signal);
  }

  /** When the first token of the pod is to be replaced; undefined when it has none. */
  nextRefreshMs(uid: string): number | undefined {
    const tokens = this.#kept.get(uid);
    return tokens === undefined ? undefined : Math.min(...[...tokens.values()].map(refreshAtMs));
  }

  forget(uid: string): void {
    this.#kept.delete(uid);
  }
}

function refreshAtMs({ issuedAtMs, expiresAtMs }: Kept): number {
  const lifeMs = expiresAtMs - issuedAtMs;
  return issuedAtMs + Math.min(lifeMs * refreshShare, ageMsMax);
}
