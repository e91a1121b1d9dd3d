import type { FieldError } from "#api/field.ts";

/** Reasons of `metav1.Status`, as in apimachinery `pkg/apis/meta/v1/types.go`. */
export type StatusReason =
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Invalid"
  | "ServerTimeout"
  | "StoreReadError"
  | "Timeout"
  | "TooManyRequests"
  | "BadRequest"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "InternalError"
  | "Expired"
  | "ServiceUnavailable"
  | "";

/** One cause in `Status.details.causes`. */
export interface StatusCause {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly field?: string | undefined;
}

export interface StatusDetails {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  /** The resource (plural) or kind the error is about. */
  readonly kind?: string | undefined;
  readonly uid?: string | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** The wire form of a failure or of a bare success. */
export interface StatusObject {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string | undefined };
  readonly status: "Success" | "Failure";
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  readonly details?: StatusDetails | undefined;
  readonly code: number;
}

/** The one error that crosses the HTTP boundary. Its fields are the wire format (`kind: Status`). */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: number;
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;
  /** A token to go on with an inconsistent list, after `Expired`. */
  readonly continueToken: string | undefined;

  constructor(
    code: number,
    reason: StatusReason,
    message: string,
    options: {
      readonly details?: StatusDetails | undefined;
      readonly continueToken?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.details = options.details;
    this.continueToken = options.continueToken;
  }

  toObject(): StatusObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** A resource as error messages name it: `pods`, `deployments.apps`. */
export interface QualifiedResource {
  readonly group: string;
  readonly plural: string;
}

function qualified(resource: QualifiedResource): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function about(resource: QualifiedResource, name: string): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export function notFound(resource: QualifiedResource, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" not found`;
  return new StatusError(404, "NotFound", message, { details: about(resource, name) });
}

export function alreadyExists(resource: QualifiedResource, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new StatusError(409, "AlreadyExists", message, { details: about(resource, name) });
}

export function conflict(resource: QualifiedResource, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new StatusError(409, "Conflict", message, { details: about(resource, name) });
}

export function forbidden(resource: QualifiedResource, name: string, why: string): StatusError {
  const subject = name === "" ? qualified(resource) : `${qualified(resource)} "${name}"`;
  const message = `${subject} is forbidden: ${why}`;
  return new StatusError(403, "Forbidden", message, { details: about(resource, name) });
}

export function badRequest(message: string, cause?: unknown): StatusError {
  return new StatusError(400, "BadRequest", message, { cause });
}

export function unauthorized(message = "Unauthorized"): StatusError {
  return new StatusError(401, "Unauthorized", message);
}

export function methodNotSupported(resource: QualifiedResource, verb: string): StatusError {
  const message = `${verb} is not supported on resources of kind "${qualified(resource)}"`;
  return new StatusError(405, "MethodNotAllowed", message, { details: about(resource, "") });
}

/** 410: the revision or the continue token is older than the compaction. */
export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError(410, "Expired", message, { continueToken });
}

/** 422 with every cause; the message lists them as upstream's `NewInvalid` does. */
export function invalidObject(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const texts = errors.map((it) => `${it.field}: ${it.message}`);
  const list = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  const qualifiedKind = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const causes = errors.map((it) => ({ reason: it.reason, message: it.message, field: it.field }));
  return new StatusError(422, "Invalid", `${qualifiedKind} "${name}" is invalid: ${list}`, {
    details: {
      ...(name === "" ? {} : { name }),
      ...(kind.group === "" ? {} : { group: kind.group }),
      kind: kind.kind,
      causes,
    },
  });
}

/** Tests by reason, so that an error decoded from the wire matches too. */
export function isStatus(error: unknown, reason: StatusReason): error is StatusError {
  return error instanceof StatusError && error.reason === reason;
}

/** The error a client throws for a `Status` body it received; tolerates missing fields. */
export function statusErrorOf(code: number, body: Partial<StatusObject>): StatusError {
  const reason = (body.reason ?? "") as StatusReason;
  return new StatusError(body.code ?? code, reason, body.message ?? `HTTP ${code}`, {
    details: body.details,
    continueToken: body.metadata?.continue,
  });
}
