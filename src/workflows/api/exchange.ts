import type { Json } from "#api/object.ts";
import type { User } from "./auth/roles.ts";

/** A request that was taken apart and whose sender is known. */
export interface ApiRequest {
  /** As it was sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The media types that the client takes; empty for any. */
  readonly accept: string;
  readonly contentType: string;
  /** Who asks; undefined where nobody has to be known. */
  readonly user: User | undefined;
  /** The address that asks. */
  readonly from: string;
  /** @throws {ApiProblem} 413 when it is too long. */
  body(): Promise<Buffer>;
  /** Aborts when the client goes away or the server ends. */
  readonly signal: AbortSignal;
}

export type AnswerBody =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "text"; readonly type: string; readonly text: string }
  /** Written as it comes; the client going away ends it. */
  | {
      readonly kind: "stream";
      readonly type: string | undefined;
      readonly chunks: AsyncIterable<string>;
    };

export interface Answer {
  readonly status: number;
  readonly body: AnswerBody;
  readonly headers?: Readonly<Record<string, string>>;
}

/** 200 with JSON. */
export function ok(value: Json): Answer {
  return { status: 200, body: { kind: "json", value } };
}

/** 201 with JSON. */
export function created(value: Json): Answer {
  return { status: 201, body: { kind: "json", value } };
}

/** 204 */
export const noContent: Answer = { status: 204, body: { kind: "none" } };
