import { headerBytes } from "./wire/codes.ts";
import type { Query } from "./wire/query.ts";
import type { ClusterZone } from "./zone.ts";

/** Answers that are kept; the oldest goes first. */
const answersMax = 4_096;
/** Shorter messages are no questions, and longer ones not those of resolvers. */
const questionBytes = { min: headerBytes, max: 512 };
const idBytes = 2;

export interface OwnAnswer {
  readonly query: Query;
  readonly bytes: Uint8Array;
}

/**
 * Answers from the zone, as they were written. A question that differs from an earlier one by its id
 * alone has the same answer, until the zone changes.
 */
export class OwnAnswers {
  readonly #zone: ClusterZone;
  readonly #kept = new Map<string, OwnAnswer>();
  #revision = 0;

  constructor(zone: ClusterZone) {
    this.#zone = zone;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The answer under the id of this message, in bytes of its own. */
  get(message: Uint8Array, bytesMax: "udp" | number): OwnAnswer | undefined {
    if (this.#revision !== this.#zone.revision) this.#kept.clear();
    this.#revision = this.#zone.revision;
    if (!isUsual(message)) return undefined;
    const kept = this.#kept.get(keyOf(message, bytesMax));
    if (kept === undefined) return undefined;
    const bytes = Uint8Array.from(kept.bytes);
    bytes.set(message.subarray(0, idBytes));
    return { query: kept.query, bytes };
  }

  /** @param revision of the zone when the answer was found. */
  put(
    message: Uint8Array,
    bytesMax: "udp" | number,
    answer: OwnAnswer & { readonly revision: number },
  ): void {
    const { query, bytes, revision } = answer;
    if (!isUsual(message) || revision !== this.#revision) return;
    this.#kept.set(keyOf(message, bytesMax), { query, bytes });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > answersMax && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function isUsual({ length }: Uint8Array): boolean {
  return length >= questionBytes.min && length <= questionBytes.max;
}

function keyOf(message: Uint8Array, bytesMax: "udp" | number): string {
  const { buffer, byteOffset, length } = message;
  const rest = Buffer.from(buffer, byteOffset + idBytes, length - idBytes);
  return `${bytesMax} ${rest.toString("latin1")}`;
}
