import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type { CertificatePair } from "./files.ts";

// Importing @peculiar/x509 costs a tenth of a second, so this file is loaded only when a
// certificate has to be made; see authority.ts.

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

const alternativeNameOid = "2.5.29.17";

/** Certificates start to be valid a little earlier, for peers whose clock is slow. */
const backdateMs = 5 * 60_000;

/** The content of a certificate. */
export interface Profile {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
  readonly usages: readonly ("server auth" | "client auth")[];
  readonly lifetimeMs: number;
}

/** A new self-signed authority. `now` is in milliseconds since the epoch. */
export async function makeAuthority(
  commonName: string,
  lifetimeMs: number,
  now: number,
): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: nameOf(commonName, []),
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + lifetimeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign |
          x509.KeyUsageFlags.cRLSign |
          x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

/** A new key with a certificate signed by `authority`. */
export async function issuePair(
  authority: CertificatePair,
  profile: Profile,
  now: number,
): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await sign(authority, profile, keys.publicKey, now);
  return { certificate, key: await exportKey(keys.privateKey) };
}

/** What a certificate signing request asks for. */
export interface RequestContent {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly hosts: readonly string[];
}

/**
 * Reads a PEM request and checks that its sender holds the key.
 * @throws {Error} when it does not parse or its signature is wrong.
 */
export async function readRequest(request: string): Promise<RequestContent> {
  const parsed = new x509.Pkcs10CertificateRequest(request);
  if (!(await parsed.verify())) throw new Error("certificate request: signature does not verify");
  const alternative = parsed.getExtension(alternativeNameOid);
  const names =
    alternative instanceof x509.SubjectAlternativeNameExtension ? alternative.names.items : [];
  return {
    commonName: parsed.subjectName.getField("CN").at(-1) ?? "",
    organizations: parsed.subjectName.getField("O"),
    hosts: names.filter((it) => it.type === "dns" || it.type === "ip").map((it) => it.value),
  };
}

/** A new key, and a PEM request that its holder signed. The key is PEM too. */
export async function makeRequest(
  content: RequestContent,
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(content.commonName, content.organizations),
    keys,
    signingAlgorithm: algorithm,
    extensions: alternativeNames(content.hosts),
  });
  return { request: `${request.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
}

/** Signs the key of a request; the content is the profile's, not the request's. */
export async function signRequest(
  authority: CertificatePair,
  request: string,
  profile: Profile,
  now: number,
): Promise<string> {
  const parsed = new x509.Pkcs10CertificateRequest(request);
  return await sign(authority, profile, parsed.publicKey, now);
}

async function sign(
  authority: CertificatePair,
  profile: Profile,
  publicKey: x509.PublicKey | webcrypto.CryptoKey,
  now: number,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importKey(authority.key);
  const notAfter = Math.min(now + profile.lifetimeMs, issuer.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: nameOf(profile.commonName, profile.organizations),
    issuer: issuer.subjectName,
    notBefore: new Date(Math.max(now - backdateMs, issuer.notBefore.getTime())),
    notAfter: new Date(notAfter),
    signingAlgorithm: algorithm,
    signingKey,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(
        profile.usages.map((it) =>
          it === "server auth"
            ? x509.ExtendedKeyUsage.serverAuth
            : x509.ExtendedKeyUsage.clientAuth,
        ),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...alternativeNames(profile.hosts),
    ],
  });
  return pem(certificate);
}

function alternativeNames(hosts: readonly string[]): x509.Extension[] {
  if (hosts.length === 0) return [];
  const names = hosts.map((value): x509.JsonGeneralName => {
    return { type: isIP(value) === 0 ? "dns" : "ip", value };
  });
  return [new x509.SubjectAlternativeNameExtension(names)];
}

// `utf8String` takes the text as it is; a plain string would be searched for escapes.
function nameOf(commonName: string, organizations: readonly string[]): x509.Name {
  return new x509.Name([
    ...organizations.map((it) => ({ O: [{ utf8String: it }] })),
    { CN: [{ utf8String: commonName }] },
  ]);
}

/** 127 random bits, positive, as RFC 5280 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

async function importKey(key: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(key);
  return await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}
