import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import type { CertificatePair } from "./files.ts";
import { isIP } from "node:net";

/** What one of our certificates must be good for; see {@link flaw}. */
export interface Expectation {
  /** PEM of the authority that must have signed it. */
  readonly authority: string;
  /** DNS names and IP addresses that it must cover. */
  readonly hosts: readonly string[];
  /** Subject in OpenSSL's form, one attribute a line; undefined: any. */
  readonly subject: string | undefined;
}

/** A fifth of the lifetime before its end, a certificate is renewed. */
const renewalShare = 0.2;

/** When the certificate should be renewed, in milliseconds since the epoch. */
export function renewalTime(certificate: string): number {
  const parsed = new X509Certificate(certificate);
  const from = parsed.validFromDate.getTime();
  const to = parsed.validToDate.getTime();
  return to - (to - from) * renewalShare;
}

/**
 * Why a pair cannot be used any longer (`expires soon`, `does not cover 10.0.0.5`), or undefined
 * when it can. Text that does not parse is a flaw as well.
 */
export function flaw(
  pair: CertificatePair,
  expectation: Expectation,
  now: number,
): string | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return "key does not match";
    if (!certificate.verify(new X509Certificate(expectation.authority).publicKey)) {
      return "signed by another authority";
    }
    if (certificate.validFromDate.getTime() > now) return "not valid yet";
    if (renewalTime(pair.certificate) <= now) return "expires soon";
    if (expectation.subject !== undefined && certificate.subject !== expectation.subject) {
      return "names another subject";
    }
    const uncovered = expectation.hosts.find((it) => !covers(certificate, it));
    return uncovered === undefined ? undefined : `does not cover ${uncovered}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `sha256:` and the digest of the public key, by which kubeadm pins an authority too. */
export function publicKeyHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/**
 * Whether the pair can be used at `now`; unlike {@link flaw}, up to the certificate's very end.
 */
export function isUsable(pair: CertificatePair, expectation: Expectation, now: number): boolean {
  const found = flaw(pair, expectation, now);
  if (found === undefined) return true;
  if (found !== "expires soon") return false;
  // Asked again for the past, the age no longer hides what else may be wrong.
  const fresh = Math.min(now, renewalTime(pair.certificate) - 1);
  if (flaw(pair, expectation, fresh) !== undefined) return false;
  return new X509Certificate(pair.certificate).validToDate.getTime() > now;
}

function covers(certificate: X509Certificate, host: string): boolean {
  const match = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return match !== undefined;
}
