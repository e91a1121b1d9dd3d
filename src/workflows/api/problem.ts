import type { Json } from "#api/object.ts";

/** One fault of what a client sent, in the form of FastAPI's list. */
export interface Fault {
  readonly type: string;
  /** Where: `["body", "name"]`, `["query", "limit"]`. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: Json;
}

/** What a client is told instead of an answer: a status with a text, or a list of faults. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly detail: string | readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string | readonly Fault[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(typeof detail === "string" ? detail : detail.map((it) => it.msg).join("; "));
    this.status = status;
    this.detail = detail;
    this.headers = headers;
  }
}

/** 404 */
export function notFound(detail: string): ApiProblem {
  return new ApiProblem(404, detail);
}

/** 409 */
export function conflict(detail: string): ApiProblem {
  return new ApiProblem(409, detail);
}

/** 400 */
export function badRequest(detail: string): ApiProblem {
  return new ApiProblem(400, detail);
}
