import { status as codes } from "@grpc/grpc-js";
import { RuntimeError, type RuntimeErrorKind } from "#cri/runtime.ts";

/** What the call was about; decides what "not found" means. */
export type Subject = "image" | "container" | "sandbox" | "runtime";

/**
 * Names a gRPC failure for the caller. Errors that are none (an abort's reason) pass through. The
 * gRPC error is no cause of the new one: it would say the same text once more.
 * containerd tells several cases apart only in the text of code 2 (unknown) and 5 (not found).
 */
export function toRuntimeError(doing: string, subject: Subject, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") {
    return error;
  }
  const details = "details" in error ? String(error.details) : error.message;
  const message = doing === "" ? details : `${doing}: ${details}`;
  return new RuntimeError(kindOf(error.code, details, subject), message);
}

export function isAlreadyExists(error: unknown): boolean {
  return hasCode(error, codes.ALREADY_EXISTS);
}

export function isNotFound(error: unknown): boolean {
  return hasCode(error, codes.NOT_FOUND);
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

const kindOfCode: Readonly<Record<number, RuntimeErrorKind>> = {
  [codes.NOT_FOUND]: "not-found",
  [codes.DEADLINE_EXCEEDED]: "timeout",
  [codes.UNAVAILABLE]: "unavailable",
};

function kindOf(code: number, details: string, subject: Subject): RuntimeErrorKind {
  const kind = kindOfCode[code] ?? "other";
  if (kind === "not-found" && (subject === "image" || /\bimage\b/.test(details))) {
    return "image-not-found";
  }
  return kind === "other" && / is reserved for /.test(details) ? "name-reserved" : kind;
}
