import { Buffer } from "node:buffer";
import { badRequest } from "#api/status.ts";

/** Where a list goes on: at `start`, inclusive, in the state of `revision`. */
export interface ContinueToken {
  /** -1: in the latest state, after an `Expired` with an inconsistent token. */
  readonly revision: number;
  /** A key of the cache: `namespace/name`, usually with a zero byte behind. */
  readonly start: string;
}

/** Upstream's form: `apiserver/pkg/storage/continue.go`. */
export function encodeContinue(token: ContinueToken): string {
  const text = JSON.stringify({ v: "meta.k8s.io/v1", rv: token.revision, start: token.start });
  return Buffer.from(text).toString("base64url");
}

/** @throws {StatusError} 400 for anything that {@link encodeContinue} did not make. */
export function decodeContinue(text: string): ContinueToken {
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch (error) {
    throw badRequest("continue key is not valid: it is not base64 of JSON", error);
  }
  const { v, rv, start } = token as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== "meta.k8s.io/v1") {
    throw badRequest("continue key is not valid: server does not recognize this encoded version");
  }
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    throw badRequest(
      "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    );
  }
  if (typeof start !== "string" || start === "") {
    throw badRequest("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
  }
  return { revision: rv, start };
}
