import { FieldPath, forbiddenField, notSupported, type FieldError } from "#api/field.ts";
import { badRequest, invalidObject } from "#api/status.ts";
import { isTrue } from "#apiserver/request-info.ts";

/** The query of a list, watch or deletecollection, as `metav1.ListOptions`. */
export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** Empty when not given. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  /** Undefined when not given: it is forbidden for lists even when false. */
  readonly sendInitialEvents: boolean | undefined;
}

/** @throws {StatusError} 400 for values that do not parse. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const initial = query.get("sendInitialEvents");
  return {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    limit: integerOf(query, "limit") ?? 0,
    continue: query.get("continue") ?? "",
    timeoutSeconds: integerOf(query, "timeoutSeconds"),
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: initial === null || initial === "" ? undefined : isTrue(initial),
  };
}

/**
 * Checks which options go together. Upstream: `ValidateListOptions` in
 * `apimachinery/pkg/apis/meta/internalversion/validation`.
 * @throws {StatusError} 422 with every fault.
 */
export function checkListOptions(options: ListOptions, watch: boolean): void {
  const errors = watch ? watchFaults(options) : listFaults(options);
  if (errors.length === 0) return;
  throw invalidObject({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
}

/**
 * A resourceVersion as a number; undefined when it is not given.
 * @throws {StatusError} 400 when it is no revision.
 */
export function parseRevision(text: string): number | undefined {
  if (text === "") return undefined;
  const revision = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) {
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: not a revision`);
  }
  return revision;
}

const match = new FieldPath("resourceVersionMatch");

function listFaults(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const value = options.resourceVersionMatch;
  if (value !== "") {
    if (options.resourceVersion === "") {
      errors.push(
        forbiddenField(
          match,
          "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
      );
    }
    if (options.continue !== "") errors.push(forbiddenWithContinue());
    if (value !== "Exact" && value !== "NotOlderThan") {
      errors.push(notSupported(match, value, ["Exact", "NotOlderThan", ""]));
    }
    if (value === "Exact" && options.resourceVersion === "0") {
      const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
      errors.push(forbiddenField(match, why));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    const path = new FieldPath("sendInitialEvents");
    errors.push(forbiddenField(path, "sendInitialEvents is forbidden for list"));
  }
  return errors;
}

function watchFaults(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const value = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && value !== "NotOlderThan") {
    const why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    errors.push(forbiddenField(match, why));
  }
  if (value === "") return errors;
  if (options.sendInitialEvents === undefined) {
    const why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    errors.push(forbiddenField(match, why));
  }
  if (value !== "NotOlderThan") errors.push(notSupported(match, value, ["NotOlderThan"]));
  if (options.continue !== "") errors.push(forbiddenWithContinue());
  return errors;
}

function forbiddenWithContinue(): FieldError {
  return forbiddenField(match, "resourceVersionMatch is forbidden when continue is provided");
}

function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw badRequest(`${name}: invalid value ${JSON.stringify(text)}: expected an integer`);
  }
  return Math.max(0, value);
}
