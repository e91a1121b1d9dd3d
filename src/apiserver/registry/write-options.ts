import { FieldPath, invalid, notSupported, required, type FieldError } from "#api/field.ts";
import { invalidObject } from "#api/status.ts";
import { isTrue } from "#apiserver/request-info.ts";

/** The query of a write, as `metav1.CreateOptions`, `UpdateOptions` and `PatchOptions`. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** Whom `managedFields` names; from the user agent when the query does not say. */
  readonly fieldManager: string;
  readonly fieldValidation: "Ignore" | "Warn" | "Strict";
  /** Server-side apply takes fields from other managers. */
  readonly force: boolean | undefined;
}

const managerLengthMax = 128;
const validations = ["Ignore", "Strict", "Warn"] as const;

/**
 * @param kind name of the options in messages, e.g. `CreateOptions`.
 * @throws {StatusError} 422 with every fault.
 */
export function parseWriteOptions(
  query: URLSearchParams,
  userAgent: string | undefined,
  kind: string,
): WriteOptions {
  const given = query.get("fieldManager") ?? "";
  const validation = query.get("fieldValidation") ?? "";
  const errors = [
    ...dryRunFaults(query.getAll("dryRun")),
    ...managerFaults(given),
    ...(validation === "" || isValidation(validation)
      ? []
      : [notSupported(new FieldPath("fieldValidation"), validation, validations)]),
  ];
  if (errors.length > 0) throw invalidObject({ group: "meta.k8s.io", kind }, "", errors);
  const force = query.get("force");
  return {
    dryRun: query.has("dryRun", "All"),
    fieldManager: given === "" ? managerOf(userAgent ?? "") : given,
    fieldValidation: isValidation(validation) ? validation : "Warn",
    force: force === null ? undefined : isTrue(force),
  };
}

/** Server-side apply: who applies must say so. @throws {StatusError} 422 */
export function requireFieldManager(query: URLSearchParams): void {
  if ((query.get("fieldManager") ?? "") !== "") return;
  throw invalidObject({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
    required(new FieldPath("fieldManager"), "is required for apply patch"),
  ]);
}

export function dryRunFaults(values: readonly string[]): FieldError[] {
  return values
    .filter((it) => it !== "All" && it !== "")
    .map((it) => notSupported(new FieldPath("dryRun"), [it], ["All"]));
}

/** `kubectl/v1.32 (linux)` is `kubectl`. */
function managerOf(userAgent: string): string {
  const name = userAgent.split("/")[0] ?? "";
  return name.replace(/[^\x20-\x7e]/g, "").slice(0, managerLengthMax);
}

function managerFaults(manager: string): FieldError[] {
  const path = new FieldPath("fieldManager");
  if (manager.length > managerLengthMax) {
    return [invalid(path, manager, `may not be more than ${managerLengthMax} characters`)];
  }
  // Printable Unicode only, as upstream: no control, format or unassigned characters.
  return /\p{C}/u.test(manager)
    ? [invalid(path, manager, "should only contain printable characters")]
    : [];
}

function isValidation(text: string): text is WriteOptions["fieldValidation"] {
  return text === "Ignore" || text === "Strict" || text === "Warn";
}
