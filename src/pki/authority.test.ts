import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { webcrypto, X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, createServer, type PeerCertificate, type TLSSocket } from "node:tls";
import { FakeClock } from "#base/clock.ts";
import { openAuthority } from "./authority.ts";
import type { CertificatePair } from "./files.ts";
import { apiServerHosts } from "./hosts.ts";
import { renewalTime } from "./inspect.ts";
import { keepRenewed } from "./renewal.ts";
import { openServiceAccountKey } from "./service-account-key.ts";
import { certificateSubject, type PeerSubject } from "./subject.ts";

const yearMs = 365 * 24 * 3_600_000;
const start = Date.UTC(2026, 0, 15);
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-pki-"));
});
after(async () => {
  await rm(folder, { recursive: true });
});

test("openAuthority makes a CA once, private, for ten years", async () => {
  const clock = new FakeClock(start);
  const place = join(folder, "once");
  const first = await openAuthority(place, clock);
  const second = await openAuthority(place, clock);
  assert.equal(second.certificate, first.certificate);
  assert.equal((await stat(join(place, "ca.key"))).mode & 0o777, 0o600);
  const parsed = new X509Certificate(first.certificate);
  assert.equal(parsed.ca, true);
  assert.equal(parsed.validToDate.getTime(), start + 10 * yearMs);
});

test("openAuthority replaces a lone key, and refuses files that do not fit", async () => {
  const clock = new FakeClock(start);
  const place = join(folder, "broken");
  await openAuthority(place, clock);
  const other = join(folder, "broken-other");
  await openAuthority(other, clock);

  await writeFile(join(place, "ca.crt"), "damaged");
  await assert.rejects(openAuthority(place, clock), /damaged: restore both from a backup/);
  await writeFile(join(place, "ca.crt"), await readFile(join(other, "ca.crt")));
  await assert.rejects(openAuthority(place, clock), /does not belong to/);
  await rm(join(place, "ca.key"));
  await assert.rejects(openAuthority(place, clock), /ca\.key is missing/);

  await rm(join(other, "ca.crt"));
  const again = await openAuthority(other, clock);
  assert.equal(new X509Certificate(again.certificate).ca, true);
});

test("openAuthority refuses a CA that has expired", async () => {
  const place = join(folder, "expired");
  await openAuthority(place, new FakeClock(start));
  const later = new FakeClock(start + 11 * yearMs);
  await assert.rejects(openAuthority(place, later), /expired on/);
});

test("serving keeps a certificate while it fits, and replaces it otherwise", async () => {
  const clock = new FakeClock(start);
  const authority = await openAuthority(join(folder, "serving"), clock);
  const hosts = apiServerHosts({
    hostName: "box",
    serviceAddress: "10.96.0.1",
    domain: "cluster.local",
    others: ["192.168.1.5", "box"],
  });
  const pair = await authority.serving("apiserver", "kube-apiserver", hosts);
  const parsed = new X509Certificate(pair.certificate);
  for (const name of [
    "kubernetes",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "box",
  ]) {
    assert.equal(parsed.checkHost(name), name);
  }
  for (const ip of ["127.0.0.1", "::1", "10.96.0.1", "192.168.1.5"]) {
    assert.notEqual(parsed.checkIP(ip), undefined, ip);
  }

  const same = await authority.serving("apiserver", "kube-apiserver", hosts);
  assert.equal(same.certificate, pair.certificate);
  const more = await authority.serving("apiserver", "kube-apiserver", [...hosts, "10.0.0.9"]);
  assert.notEqual(more.certificate, pair.certificate);
  await clock.advance(yearMs * 0.7);
  const kept = await authority.serving("apiserver", "kube-apiserver", hosts);
  assert.equal(kept.certificate, more.certificate);
  await clock.advance(yearMs * 0.2);
  const renewed = await authority.serving("apiserver", "kube-apiserver", hosts);
  assert.notEqual(renewed.certificate, more.certificate);
});

test("client certificates are renewed when the subject changes or the key is lost", async () => {
  const place = join(folder, "client");
  const authority = await openAuthority(place, new FakeClock(start));
  const admin = { commonName: "kubernetes-admin", organizations: ["system:masters"] };
  const pair = await authority.client("admin", admin);
  assert.deepEqual(await authority.client("admin", admin), pair);
  const changed = await authority.client("admin", { ...admin, organizations: ["a", "b"] });
  assert.equal(
    new X509Certificate(changed.certificate).subject,
    ["O=a", "O=b", "CN=kubernetes-admin"].join("\n"),
  );
  await rm(join(place, "admin.key"));
  const again = await authority.client("admin", { ...admin, organizations: ["a", "b"] });
  assert.notEqual(again.certificate, changed.certificate);
});

/** What a TLS server that asks for certificates sees of a client. */
async function peerOf(
  authority: string,
  serving: CertificatePair,
  client: CertificatePair,
): Promise<{ authorized: boolean; subject: PeerSubject }> {
  const server = createServer({
    cert: serving.certificate,
    key: serving.key,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "secureConnection");
  const socket = connect({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ca: authority,
    cert: client.certificate,
    key: client.key,
  });
  const [[connection]] = (await Promise.all([accepted, once(socket, "secureConnect")])) as [
    [TLSSocket],
    unknown,
  ];
  const certificate: PeerCertificate = connection.getPeerCertificate();
  const seen = {
    authorized: connection.authorized,
    subject: { ...certificate.subject } as PeerSubject,
  };
  socket.destroy();
  connection.destroy();
  server.close();
  return seen;
}

test("node:tls accepts client certificates, and no serving certificate as a client's", async () => {
  // Real time: node:tls compares with the system's clock.
  const now = Date.parse(new X509Certificate((await probe()).certificate).validFrom);
  const clock = new FakeClock(now + 5 * 60_000);
  const authority = await openAuthority(join(folder, "tls"), clock);
  const serving = await authority.serving("apiserver", "kube-apiserver", ["127.0.0.1"]);
  const client = await authority.client("jane", {
    commonName: "jane#1, or \\so",
    organizations: ["dev", "ops=1"],
  });
  const seen = await peerOf(authority.certificate, serving, client);
  assert.equal(seen.authorized, true);
  assert.deepEqual(certificateSubject(seen.subject), {
    commonName: "jane#1, or \\so",
    organizations: ["dev", "ops=1"],
  });
  const wrong = await peerOf(authority.certificate, serving, serving);
  assert.equal(wrong.authorized, false);

  async function probe(): Promise<CertificatePair> {
    const { systemClock } = await import("#base/clock.ts");
    const temporary = await openAuthority(join(folder, "probe"), systemClock);
    return await temporary.client("probe", { commonName: "probe", organizations: [] });
  }
});

test("signRequest signs the key of a request for the profile, not for what it asks", async () => {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "O=system:nodes, CN=system:node:a",
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "a" },
        { type: "ip", value: "10.0.0.1" },
      ]),
    ],
  });
  const authority = await openAuthority(join(folder, "csr"), new FakeClock(start));
  assert.deepEqual(await authority.readRequest(request.toString("pem")), {
    commonName: "system:node:a",
    organizations: ["system:nodes"],
    hosts: ["a", "10.0.0.1"],
  });
  const signed = await authority.signRequest(request.toString("pem"), {
    commonName: "system:node:b",
    organizations: ["system:nodes"],
    hosts: [],
    usages: ["client auth"],
    lifetimeMs: 3_600_000,
  });
  const parsed = new X509Certificate(signed);
  assert.equal(parsed.subject, "O=system:nodes\nCN=system:node:b");
  assert.equal(parsed.validToDate.getTime(), start + 3_600_000);
  assert.equal(parsed.verify(new X509Certificate(authority.certificate).publicKey), true);
  await assert.rejects(authority.readRequest("nonsense"));
});

test("certificateSubject", () => {
  const cases: [given: PeerSubject | undefined, want: unknown][] = [
    [undefined, undefined],
    [{}, undefined],
    [{ CN: "", O: "x" }, undefined],
    [{ CN: "jane" }, { commonName: "jane", organizations: [] }],
    [
      { CN: "jane", O: "dev" },
      { commonName: "jane", organizations: ["dev"] },
    ],
    [
      { CN: ["a", "b"], O: ["x", "y"] },
      { commonName: "b", organizations: ["x", "y"] },
    ],
  ];
  for (const [given, want] of cases) assert.deepEqual(certificateSubject(given), want);
});

test("keepRenewed replaces a certificate when it is due, and tries again after a failure", async () => {
  const clock = new FakeClock(start);
  const authority = await openAuthority(join(folder, "renewal"), clock);
  const stop = new AbortController();
  const first = await authority.serving("apiserver", "kube-apiserver", ["localhost"]);
  const events: string[] = [];
  let failures = 1;
  let waiting = new AbortController();
  const running = keepRenewed(
    first,
    {
      async load() {
        if (failures-- > 0) throw new Error("disk full");
        return await authority.serving("apiserver", "kube-apiserver", ["localhost"]);
      },
      renewed: (pair) => {
        events.push(renewalTime(pair.certificate) > clock.now() ? "renewed" : "stale");
      },
      failed: (error) => events.push(String(error)),
    },
    {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep(ms, signal) {
        waiting.abort();
        return clock.sleep(ms, signal);
      },
    },
    stop.signal,
  );
  for (let day = 0; day < 400 && !events.includes("renewed"); day++) {
    waiting = new AbortController();
    const asleep = once(waiting.signal, "abort");
    await clock.advance(24 * 3_600_000);
    await asleep;
  }
  stop.abort();
  await running;
  assert.deepEqual(events, ["Error: disk full", "renewed"]);
});

test("openServiceAccountKey makes a key once, and refuses a damaged one", async () => {
  const place = join(folder, "sa");
  const key = await openServiceAccountKey(place);
  assert.equal((await openServiceAccountKey(place)).id, key.id);
  assert.equal((await stat(join(place, "sa.key"))).mode & 0o777, 0o600);
  assert.equal(key.jwk["d"], undefined);
  await writeFile(join(place, "sa.key"), "damaged");
  await assert.rejects(openServiceAccountKey(place), /sa\.key is damaged/);
});
