import type { JsonObject } from "#api/object.ts";
import type { UserInfo } from "#apiserver/contract.ts";

/**
 * Answers a create request whose object is a question and is not stored. The result has its
 * `status`. `name` is that of the object whose subresource is asked (`serviceaccounts/x/token`).
 * @throws {StatusError} for a question that makes no sense.
 */
export type ReviewHandler = (
  object: JsonObject,
  user: UserInfo,
  namespace: string,
  name?: string,
) => Promise<JsonObject>;
