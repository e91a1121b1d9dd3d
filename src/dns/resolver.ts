import { answerFromZone } from "./answers.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { Forwarded, Forwarder } from "./forwarder.ts";
import type { DnsMetrics } from "./metrics.ts";
import { OwnAnswers } from "./own-answers.ts";
import { encodeAnswer, encodeFault, type Answer, type ResourceRecord } from "./wire/answer.ts";
import { classInternet, recordType, responseCode } from "./wire/codes.ts";
import { decodeQuery, type Query } from "./wire/query.ts";
import type { ClusterZone } from "./zone.ts";

export interface ResolverOptions {
  readonly zone: ClusterZone;
  /** Whether an address is of the cluster's services or pods. */
  readonly isOurs: (address: string) => boolean;
  readonly forwarder: Pick<Forwarder, "ask">;
  readonly cache: AnswerCache;
  readonly metrics: DnsMetrics;
}

interface Answered {
  readonly bytes: Uint8Array;
  /** From the zone. */
  readonly isOwn: boolean;
  /** It is the same as long as the zone is. */
  readonly lasts: boolean;
}

/** Aliases that are followed from one question. */
const aliasesMax = 8;

/** Answers messages: from the zone, from the cache, from other servers, in that order. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #own: OwnAnswers;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#own = new OwnAnswers(options.zone);
  }

  /**
   * @param bytesMax of the answer, for a client that names no size of its own.
   * @returns undefined when nothing is to be answered.
   */
  async answer(
    message: Uint8Array,
    bytesMax: "udp" | number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const protocol = bytesMax === "udp" ? "udp" : "tcp";
    const kept = this.#own.get(message, bytesMax);
    if (kept !== undefined) {
      this.#options.metrics.asked(kept.query, protocol)(kept.bytes, true);
      return kept.bytes;
    }
    const query = decodeQuery(message);
    if ("kind" in query) {
      if (query.id === undefined || query.fault === undefined) return undefined;
      return encodeFault(query.id, responseCode[query.fault]);
    }
    const answered = this.#options.metrics.asked(query, protocol);
    const size = bytesMax === "udp" ? Math.min(query.udpBytes, udpAnswerBytesMax) : bytesMax;
    const { revision } = this.#options.zone;
    const { bytes, isOwn, lasts } = await this.#answer(query, size, signal);
    if (lasts) this.#own.put(message, bytesMax, { query, bytes, revision });
    answered(bytes, isOwn);
    return bytes;
  }

  async #answer(query: Query, size: number, signal: AbortSignal): Promise<Answered> {
    if (query.class !== classInternet) {
      return { bytes: encodeAnswer(query, failure("refused"), size), isOwn: false, lasts: false };
    }
    const own = answerFromZone(this.#options.zone, query, this.#options.isOurs);
    if (own !== "forward") {
      const whole = await this.#followed(query, own, signal);
      // What an alias stands for elsewhere may change with no change of the zone.
      return { bytes: encodeAnswer(query, whole, size), isOwn: true, lasts: whole === own };
    }
    const found = await this.#elsewhere(query, signal);
    if (found === undefined) {
      return {
        bytes: encodeAnswer(query, failure("serverFailure"), size),
        isOwn: false,
        lasts: false,
      };
    }
    // What is too long for the client, or has been asked for otherwise, is written anew.
    const fits = found.bytes.length <= size;
    return {
      bytes: fits ? asAnswerTo(query, found.bytes) : truncated(query),
      isOwn: false,
      lasts: false,
    };
  }

  async #elsewhere(query: Query, signal: AbortSignal): Promise<Forwarded | undefined> {
    const { cache, forwarder, metrics } = this.#options;
    const kept = cache.get(query);
    if (kept !== undefined) {
      metrics.cacheHit();
      return kept;
    }
    metrics.cacheMissed();
    const found = await forwarder.ask(query, signal);
    if (found !== undefined) cache.put(query, found);
    return found;
  }

  /** Resolvers of programs do not follow aliases themselves: the answer holds the whole chain. */
  async #followed(query: Query, answer: Answer, signal: AbortSignal): Promise<Answer> {
    const asksAddress = query.type === recordType.A || query.type === recordType.AAAA;
    if (!asksAddress) return answer;
    let chain: readonly ResourceRecord[] = answer.answers;
    for (let count = 0; count < aliasesMax; count += 1) {
      const last = chain.at(-1)?.data;
      if (last?.type !== "CNAME") break;
      const next = await this.#records(query, last.target, signal);
      if (next.length === 0) break;
      chain = [...chain, ...next];
    }
    return chain === answer.answers ? answer : { ...answer, answers: chain };
  }

  async #records(
    query: Query,
    name: string,
    signal: AbortSignal,
  ): Promise<readonly ResourceRecord[]> {
    const asked = { ...query, name, question: questionOf(name, query.type) };
    const own = answerFromZone(this.#options.zone, asked, this.#options.isOurs);
    if (own !== "forward") return own.answers;
    return (await this.#elsewhere(asked, signal))?.response.answers ?? [];
  }
}

/** What we send over UDP at most, whatever the client takes: it fits every path without fragments. */
const udpAnswerBytesMax = 1232;

function failure(code: keyof typeof responseCode): Answer {
  return {
    code: responseCode[code],
    isAuthoritative: false,
    answers: [],
    authority: [],
    additional: [],
  };
}

/** Under the id of the one who asks, and with the name as it wrote it. */
function asAnswerTo(query: Query, bytes: Uint8Array): Uint8Array {
  const answer = Uint8Array.from(bytes);
  answer.set(query.question.subarray(0, 2));
  answer.set(query.question.subarray(12), 12);
  return answer;
}

function truncated(query: Query): Uint8Array {
  const answer = encodeAnswer(query, failure("noError"), udpAnswerBytesMax);
  answer[2] = (answer[2] ?? 0) | 0x02;
  return answer;
}

/** A message with one question. */
export function questionOf(name: string, type: number): Uint8Array {
  const labels = name.split(".").flatMap((it) => [it.length, ...Buffer.from(it, "latin1")]);
  return Uint8Array.from([
    0,
    0,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    ...labels,
    0,
    type >> 8,
    type & 255,
    0,
    classInternet,
  ]);
}
