import type { Clock } from "#base/clock.ts";
import type { Forwarded } from "./forwarder.ts";
import { responseCode } from "./wire/codes.ts";
import type { Query } from "./wire/query.ts";

/** Answers that are kept; the oldest goes first. */
const answersMax = 10_000;
/** Seconds; a longer life is cut, so that a change outside is seen soon. CoreDNS' own default. */
const lifeMax = 30;

interface Kept {
  readonly found: Forwarded;
  readonly since: number;
  readonly lifeMs: number;
}

/** Answers of other servers, as long as they say. */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The answer, its TTLs less by its age. */
  get(query: Query): Forwarded | undefined {
    const key = keyOf(query);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const ageMs = this.#clock.monotonic() - kept.since;
    if (ageMs >= kept.lifeMs) {
      this.#kept.delete(key);
      return undefined;
    }
    return aged(kept.found, Math.floor(ageMs / 1000));
  }

  put(query: Query, found: Forwarded): void {
    const { code, ttl } = found.response;
    if (code !== responseCode.noError && code !== responseCode.nameError) return;
    const lifeMs = Math.min(ttl, lifeMax) * 1000;
    if (lifeMs === 0) return;
    const key = keyOf(query);
    this.#kept.delete(key);
    this.#kept.set(key, { found, since: this.#clock.monotonic(), lifeMs });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > answersMax && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function keyOf({ name, type, class: class_ }: Query): string {
  return `${type} ${class_} ${name.toLowerCase()}`;
}

function aged(found: Forwarded, seconds: number): Forwarded {
  if (seconds === 0) return found;
  const bytes = Uint8Array.from(found.bytes);
  const view = new DataView(bytes.buffer);
  for (const at of found.response.ttlOffsets) {
    view.setUint32(at, Math.max(0, view.getUint32(at) - seconds));
  }
  return { bytes, response: found.response };
}
