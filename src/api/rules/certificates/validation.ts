import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults } from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { isNew } from "#api/rules/compose.ts";
import type { Loose } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/certificates/validation/validation.go`. */

type Condition = Loose<CertificateSigningRequestCondition>;

const shortestSeconds = 600;

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** The signing request itself (PEM in `spec.request`) is not read here. */
export function validateSigningRequest(it: Loose<CertificateSigningRequest>, at: Faults): void {
  const { usages: wanted = [], signerName = "", expirationSeconds: seconds } = it.spec ?? {};
  at.enter("spec");
  if ((it.spec?.request ?? "") === "") {
    at.invalid("request", "", "PEM block type must be CERTIFICATE REQUEST");
  }
  if (wanted.length === 0) at.required("usages");
  if (isNew(it)) checkUsages(wanted, at);
  if (signerName === "kubernetes.io/legacy-unknown" && isNew(it)) {
    const detail = "the legacy signerName is not allowed via this API version";
    at.invalid("signerName", signerName, detail);
  } else {
    checkSignerName("signerName", signerName, at);
  }
  if (seconds !== undefined && seconds < shortestSeconds) {
    const detail = "may not specify a duration less than 600 seconds (10 minutes)";
    at.invalid("expirationSeconds", seconds, detail);
  }
  at.leave();
  at.enter("status");
  checkConditions(it.status?.conditions ?? [], at);
  at.leave();
}

function checkUsages(wanted: readonly string[], at: Faults): void {
  for (const [i, it] of wanted.entries()) {
    if (!usages.includes(it)) at.notSupported(`usages[${i}]`, it, usages);
    if (wanted.indexOf(it) < i) at.duplicate(`usages[${i}]`, it);
  }
}

/** `example.com/signer-name`. Upstream: `ValidateSignerName`. */
function checkSignerName(name: string, signer: string, at: Faults): void {
  if (signer === "") {
    at.required(name);
    return;
  }
  const [domain = "", path = "", ...more] = signer.split("/");
  if (!signer.includes("/") || more.length > 0) {
    const detail =
      "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    at.invalid(name, signer, detail);
    return;
  }
  if (domain.length > 253) at.tooLong(name, 253);
  const labels = domain.split(".");
  at.invalidAll(name, domain, partFaults(labels, dns1123LabelFaults));
  if (labels.length < 2) {
    at.invalid(name, domain, "should be a domain with at least two segments separated by dots");
  }
  at.invalidAll(name, path, partFaults(path.split("."), dns1123SubdomainFaults));
}

/** What is wrong with the first bad part. */
function partFaults(
  parts: readonly string[],
  faultsOf: (part: string) => readonly string[],
): string[] {
  const bad = parts.find((it) => faultsOf(it).length > 0);
  if (bad === undefined) return [];
  return faultsOf(bad).map((it) => `validating label ${JSON.stringify(bad)}: ${it}`);
}

const alwaysTrue = ["Approved", "Denied", "Failed"];

function checkConditions(conditions: readonly Condition[], at: Faults): void {
  const seen = new Set<string>();
  for (const [i, it] of conditions.entries()) {
    const { type = "", status = "" } = it;
    at.enter("conditions", i);
    if (type === "") at.required("type");
    at.oneOf("status", status, alwaysTrue.includes(type) ? ["True"] : ["False", "True", "Unknown"]);
    at.leave();
    const other = type === "Approved" ? "Denied" : type === "Denied" ? "Approved" : undefined;
    if (other !== undefined && seen.has(other)) {
      const detail = "Approved and Denied conditions are mutually exclusive";
      at.invalid("conditions", type, detail);
    }
    if (seen.has(type)) at.duplicate(`conditions[${i}].type`, type);
    seen.add(type);
  }
}

/** A change through the object itself. */
export function validateSigningRequestUpdate(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  at: Faults,
): void {
  checkRemoved(next, previous, at);
  checkApprovalKept(next, previous, at);
  checkCertificate(next, previous, false, at);
}

/** A change through /status: a certificate may be set, once. */
export function validateSigningRequestStatus(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  at: Faults,
): void {
  at.enter("status");
  checkConditions(next.status?.conditions ?? [], at);
  at.leave();
  checkRemoved(next, previous, at);
  checkApprovalKept(next, previous, at);
  checkCertificate(next, previous, true, at);
}

/** A change through /approval: Approved or Denied may be added. */
export function validateApproval(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  at: Faults,
): void {
  at.enter("status");
  checkConditions(next.status?.conditions ?? [], at);
  at.leave();
  checkRemoved(next, previous, at);
  checkCertificate(next, previous, false, at);
}

function checkRemoved(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  at: Faults,
): void {
  for (const type of alwaysTrue) {
    if (conditionsOf(next, type).length < conditionsOf(previous, type).length) {
      at.forbidden("status.conditions", `updates may not remove a condition of type "${type}"`);
    }
  }
}

function checkApprovalKept(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  at: Faults,
): void {
  for (const type of ["Approved", "Denied"]) {
    const [now, before] = [conditionsOf(next, type), conditionsOf(previous, type)];
    if (now.length > before.length) {
      at.forbidden("status.conditions", `updates may not add a condition of type "${type}"`);
    } else if (now.length === before.length && !semanticEqual(now, before)) {
      at.forbidden("status.conditions", `updates may not modify a condition of type "${type}"`);
    }
  }
}

function checkCertificate(
  next: Loose<CertificateSigningRequest>,
  previous: Loose<CertificateSigningRequest>,
  maySet: boolean,
  at: Faults,
): void {
  const [now, before] = [next.status?.certificate ?? "", previous.status?.certificate ?? ""];
  if (now === before) return;
  if (!maySet) at.forbidden("status.certificate", "updates may not set certificate content");
  else if (before !== "") {
    at.forbidden("status.certificate", "updates may not modify existing certificate content");
  }
}

function conditionsOf(it: Loose<CertificateSigningRequest>, type: string): readonly Condition[] {
  return (it.status?.conditions ?? []).filter((condition) => condition.type === type);
}
