import type { CertificateSigningRequest } from "#api/gen/types.ts";
import type { FieldError } from "#api/field.ts";
import type { JsonObject } from "#api/object.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf } from "#api/rules/columns.ts";
import { keepField } from "#api/rules/compose.ts";
import { Faults } from "#api/rules/faults.ts";
import type { Draft, Loose, Printer, Rules } from "#api/rules/rules.ts";
import type { WriteContext } from "#api/strategy.ts";
import { formatAge } from "#api/time.ts";
import {
  validateApproval,
  validateSigningRequest,
  validateSigningRequestStatus,
  validateSigningRequestUpdate,
} from "./validation.ts";

type Request = CertificateSigningRequest;

const printer: Printer<Request> = {
  columns: [
    nameColumn,
    ageColumn,
    column("SignerName", "Who is to sign it."),
    column("Requestor", "Who asked for it."),
    column("RequestedDuration", "How long it is to be good for."),
    column("Condition", "Whether it was approved, denied, failed, issued."),
  ],
  cells: (it, nowMs) => {
    const { signerName = "", username = "", expirationSeconds: seconds } = it.spec ?? {};
    return [
      nameOf(it),
      ageOf(it, nowMs),
      signerName === "" ? "<none>" : signerName,
      username,
      seconds === undefined ? "<none>" : formatAge(seconds * 1000),
      conditionOf(it),
    ];
  },
};

function conditionOf(it: Loose<Request>): string {
  const types = new Set((it.status?.conditions ?? []).map((condition) => condition.type));
  const first = types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending";
  const failed = types.has("Failed") ? ",Failed" : "";
  return first + failed + ((it.status?.certificate ?? "") === "" ? "" : ",Issued");
}

/** `spec.username` and its kin are not touched here: only the API server knows who asks. */
export const signingRequestRules: Rules<Request> = {
  update: (next, previous) => {
    keepSpec(next, previous);
  },
  updateStatus: (next, previous, context) => {
    keepApproval(next, previous);
    stampConditions(next, previous, context);
  },
  validate: validateSigningRequest,
  validateUpdate: validateSigningRequestUpdate,
  validateStatus: validateSigningRequestStatus,
  printer,
};

/** A write through /approval changes conditions, and nothing else but metadata. */
export function prepareApproval(
  next: JsonObject,
  previous: JsonObject,
  context: WriteContext,
): void {
  keepField(next, previous, "spec");
  const draft: Draft<Request> = next;
  stampConditions(draft, previous, context);
  const conditions = draft.status?.conditions;
  keepField(next, previous, "status");
  draft.status = { ...draft.status };
  if (conditions !== undefined) draft.status.conditions = conditions;
}

/** All faults of a write through /approval, beyond those of the object. */
export function validateApprovalUpdate(next: JsonObject, previous: JsonObject): FieldError[] {
  const at = new Faults();
  validateApproval(next, previous, at);
  return at.errors;
}

function keepSpec(next: Draft<Request>, previous: Loose<Request>): void {
  const spec = previous.spec;
  if (spec !== undefined) next.spec = spec as Draft<Request["spec"]>;
}

/** Approved and Denied stay as they are, unless there are more or fewer of them. */
function keepApproval(next: Draft<Request>, previous: Loose<Request>): void {
  const conditions = next.status?.conditions ?? [];
  for (const type of ["Approved", "Denied"]) {
    const old = (previous.status?.conditions ?? []).filter((it) => it.type === type);
    const places = [...conditions.keys()].filter((i) => conditions[i]?.type === type);
    if (old.length !== places.length) continue;
    for (const [i, place] of places.entries()) conditions[place] = { ...old[i] };
  }
}

function stampConditions(
  next: Draft<Request>,
  previous: Loose<Request>,
  context: WriteContext,
): void {
  for (const it of next.status?.conditions ?? []) {
    it.lastUpdateTime ??= context.now;
    const same = (previous.status?.conditions ?? []).find(
      (old) => old.type === it.type && old.status === it.status,
    );
    it.lastTransitionTime ??= same?.lastTransitionTime ?? context.now;
  }
}
