import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { before, test } from "node:test";
import type { CertificatePair } from "#pki/files.ts";
import { issuePair, makeAuthority } from "#pki/issue.ts";
import { readCertificate } from "./certificate.ts";

const now = Date.UTC(2026, 0, 1);
const lifetimeMs = 86_400_000;
const made: CertificatePair[] = [];

before(async () => {
  const authority = await makeAuthority("authority", lifetimeMs, now);
  const usages = ["server auth"] as const;
  const profile = { commonName: "a", organizations: [], hosts: ["a.test"], usages, lifetimeMs };
  made.push(await issuePair(authority, profile, now), await issuePair(authority, profile, now));
  made.push(authority);
});

function pair(index: number): CertificatePair {
  const found = made[index];
  assert.ok(found !== undefined);
  return found;
}

function read(certificate: string | undefined, key: string | undefined): string {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  const state = readCertificate({
    metadata: { name: "s" },
    data: {
      ...(certificate === undefined ? {} : { "tls.crt": encode(certificate) }),
      ...(key === undefined ? {} : { "tls.key": encode(key) }),
    },
  });
  return state.kind === "valid" ? state.pem : state.kind === "invalid" ? state.fault : state.kind;
}

test("readCertificate: the chain, leaf first, and its key, and nothing beside them", () => {
  const [leaf, authority] = [pair(0), pair(2)];
  const text = `some words\n${leaf.certificate}\n-----BEGIN DH PARAMETERS-----\nx\n-----END DH PARAMETERS-----\n${authority.certificate}`;
  const pem = read(text, leaf.key);
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----/g);
  const certificate = "-----BEGIN CERTIFICATE-----";
  assert.deepEqual(blocks, [certificate, certificate, "-----BEGIN PRIVATE KEY-----"]);
  assert.equal(new X509Certificate(pem).subject, "CN=a");
});

test("readCertificate: what is wrong with a Secret", () => {
  const [leaf, other] = [pair(0), pair(1)];
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const locked = privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
  const cases: [certificate: string | undefined, key: string | undefined, want: RegExp][] = [
    [undefined, leaf.key, /^it has no tls\.crt$/],
    [leaf.certificate, undefined, /^it has no tls\.key$/],
    ["", leaf.key, /^it has no tls\.crt$/],
    ["nonsense", leaf.key, /^tls\.crt holds no certificates/],
    [leaf.certificate.replace("M", "?"), leaf.key, /^tls\.crt holds no certificates/],
    [leaf.certificate, "nonsense", /^tls\.key holds no key/],
    [leaf.certificate, locked, /^tls\.key holds no key/],
    [leaf.certificate, other.key, /^tls\.key is not the key of tls\.crt$/],
    [leaf.certificate.repeat(11), leaf.key, /^tls\.crt holds no certificates/],
  ];
  for (const [certificate, key, want] of cases) assert.match(read(certificate, key), want);
  assert.deepEqual(readCertificate(undefined), { kind: "missing" });
});
