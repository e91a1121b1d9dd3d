import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import type { Secret } from "#api/gen/types.ts";
import type { CertificateState } from "./model.ts";

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** Certificates of a chain; more are nobody's. */
const chainMax = 10;
const rsaBitsMin = 2_048;
const curves = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/**
 * What a Secret of the type `kubernetes.io/tls` holds, written anew, so that a proxy takes it: one
 * that it refuses would keep all others from their changes.
 */
export function readCertificate(secret: Secret | undefined): CertificateState {
  if (secret === undefined) return { kind: "missing" };
  const [chain, key] = ["tls.crt", "tls.key"].map((it) => decode(secret.data?.[it]));
  if (chain === undefined) return invalid("it has no tls.crt");
  if (key === undefined) return invalid("it has no tls.key");
  const certificates = parseChain(chain);
  const [leaf] = certificates ?? [];
  if (certificates === undefined || leaf === undefined) {
    return invalid("tls.crt holds no certificates that can be read");
  }
  const privateKey = parseKey(key);
  if (privateKey === undefined) return invalid("tls.key holds no key that can be read");
  if (!leaf.checkPrivateKey(privateKey)) return invalid("tls.key is not the key of tls.crt");
  const weakness = certificates.map(weaknessOf).find((it) => it !== undefined);
  if (weakness !== undefined) return invalid(weakness);
  const parts = [...certificates.map(String), privateKey.export({ type: "pkcs8", format: "pem" })];
  return { kind: "valid", pem: parts.map((it) => `${it.toString().trim()}\n`).join("") };
}

function invalid(fault: string): CertificateState {
  return { kind: "invalid", fault };
}

function decode(base64: string | undefined): string | undefined {
  if (base64 === undefined || base64 === "") return undefined;
  return Buffer.from(base64, "base64").toString("utf8");
}

function parseChain(text: string): X509Certificate[] | undefined {
  const blocks = text.match(certificatePattern) ?? [];
  if (blocks.length > chainMax) return undefined;
  try {
    return blocks.map((it) => new X509Certificate(it));
  } catch {
    return undefined; // What is wrong inside of a certificate helps nobody.
  }
}

function parseKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined; // OpenSSL's words are about its decoders.
  }
}

/** What OpenSSL refuses at its security level 2, which distributions choose. */
function weaknessOf(certificate: X509Certificate): string | undefined {
  const { publicKey } = certificate;
  const { modulusLength = 0, namedCurve = "" } = publicKey.asymmetricKeyDetails ?? {};
  if (publicKey.asymmetricKeyType === "rsa" && modulusLength < rsaBitsMin) {
    return `its RSA key has ${modulusLength} bits; ${rsaBitsMin} are needed`;
  }
  if (publicKey.asymmetricKeyType === "ec" && !curves.has(namedCurve)) {
    return `its key is on the curve ${namedCurve}, which clients do not take`;
  }
  const algorithm = certificate.signatureAlgorithm ?? "";
  const isRoot = certificate.subject === certificate.issuer;
  return /md5|sha1\b|sha1With/i.test(algorithm) && !isRoot
    ? `it is signed with ${algorithm}, which clients do not take`
    : undefined;
}
