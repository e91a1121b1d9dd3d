import type { OutgoingHttpHeaders } from "node:http";

/** The codes of distribution-spec, Error Codes, and two of Docker's registry for what it leaves out. */
export type RefusalCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "RANGE_INVALID"
  | "PAGINATION_NUMBER_INVALID"
  | "TAG_INVALID"
  | "UNKNOWN";

/** A request that is answered with an error. Its message is for the client to see. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: OutgoingHttpHeaders;
  readonly detail: unknown;

  constructor(
    status: number,
    code: RefusalCode,
    message: string,
    more: { readonly headers?: OutgoingHttpHeaders; readonly detail?: unknown } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = more.headers ?? {};
    this.detail = more.detail;
  }

  /** The body that distribution-spec asks for. */
  get body(): string {
    const { code, message, detail } = this;
    return `${JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] })}\n`;
  }
}
