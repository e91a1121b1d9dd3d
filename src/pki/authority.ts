import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { readPair, writePair, type CertificatePair } from "./files.ts";
import { flaw } from "./inspect.ts";
import type { Profile, RequestContent } from "./issue.ts";
import type { CertificateSubject } from "./subject.ts";

const dayMs = 24 * 3_600_000;
const authorityLifetimeMs = 3_650 * dayMs;
const leafLifetimeMs = 365 * dayMs;

/** The cluster's certificate authority: it signs the certificates of servers and of clients. */
export interface Authority {
  /** PEM of its certificate: what clients trust, and what client certificates chain to. */
  readonly certificate: string;
  /**
   * The certificate of a server, kept in `<folder>/<file>.crt` and `.key`; made anew when it is
   * missing, damaged, about to expire, or does not cover every host.
   */
  serving(file: string, commonName: string, hosts: readonly string[]): Promise<CertificatePair>;
  /** The certificate of a client, kept and renewed in the same way. */
  client(file: string, subject: CertificateSubject): Promise<CertificatePair>;
  /** A certificate that is not kept; `lifetimeMs` defaults to a year. */
  issue(profile: Omit<Profile, "lifetimeMs">, lifetimeMs?: number): Promise<CertificatePair>;
  /** Reads a PEM signing request. @throws {Error} when it is malformed or badly signed. */
  readRequest(request: string): Promise<RequestContent>;
  /** Signs the key of a request for what `profile` says, whatever the request asks. */
  signRequest(request: string, profile: Profile): Promise<string>;
}

/**
 * Opens the authority in `<folder>/ca.crt` and `ca.key`, and makes it at first start (ECDSA P-256,
 * ten years). Both files are written so that a crash leaves nothing half-made.
 * @throws {Error} when the files are damaged or do not belong together: making a new authority
 * would lock out every node and client, so that is left to a person.
 */
export async function openAuthority(folder: string, clock: Clock): Promise<Authority> {
  const pair = await loadAuthority(join(folder, "ca"), clock);

  async function keep(file: string, profile: Profile): Promise<CertificatePair> {
    const path = join(folder, file);
    const { certificate, key } = await readPair(path);
    if (certificate !== undefined && key !== undefined) {
      const found = { certificate, key };
      const expectation = {
        authority: pair.certificate,
        hosts: profile.hosts,
        subject: subjectText(profile),
      };
      if (flaw(found, expectation, clock.now()) === undefined) return found;
    }
    const { issuePair } = await import("./issue.ts");
    const made = await issuePair(pair, profile, clock.now());
    await writePair(path, made);
    return made;
  }

  return {
    certificate: pair.certificate,
    serving: (file, commonName, hosts) =>
      keep(file, {
        commonName,
        organizations: [],
        hosts,
        usages: ["server auth"],
        lifetimeMs: leafLifetimeMs,
      }),
    client: (file, subject) =>
      keep(file, { ...subject, hosts: [], usages: ["client auth"], lifetimeMs: leafLifetimeMs }),
    async issue(profile, lifetimeMs = leafLifetimeMs) {
      const { issuePair } = await import("./issue.ts");
      return await issuePair(pair, { ...profile, lifetimeMs }, clock.now());
    },
    async readRequest(request) {
      const { readRequest } = await import("./issue.ts");
      return await readRequest(request);
    },
    async signRequest(request, profile) {
      const { signRequest } = await import("./issue.ts");
      return await signRequest(pair, request, profile, clock.now());
    },
  };
}

async function loadAuthority(path: string, clock: Clock): Promise<CertificatePair> {
  const { certificate, key } = await readPair(path);
  if (certificate === undefined) {
    // A key alone is what a crash leaves between the two writes; nothing was signed with it.
    const { makeAuthority } = await import("./issue.ts");
    const made = await makeAuthority("gantry-ca", authorityLifetimeMs, clock.now());
    await writePair(path, made);
    return made;
  }
  if (key === undefined) {
    throw new Error(`${path}.key is missing: restore it from a backup, or reset the cluster`);
  }
  checkAuthority(path, { certificate, key }, clock.now());
  return { certificate, key };
}

function checkAuthority(path: string, pair: CertificatePair, now: number): void {
  let parsed: X509Certificate;
  let matches: boolean;
  try {
    parsed = new X509Certificate(pair.certificate);
    matches = parsed.checkPrivateKey(createPrivateKey(pair.key));
  } catch (cause) {
    const message = `${path}.crt or ${path}.key is damaged: restore both from a backup`;
    throw new Error(message, { cause });
  }
  if (!matches) throw new Error(`${path}.key does not belong to ${path}.crt: restore both`);
  if (!parsed.ca) throw new Error(`${path}.crt is not the certificate of an authority`);
  if (parsed.validToDate.getTime() <= now) {
    throw new Error(
      `${path}.crt expired on ${parsed.validTo}: reset the cluster, or put a new one`,
    );
  }
}

/** A subject as `X509Certificate.subject` shows it; undefined where it would escape something. */
function subjectText(profile: Profile): string | undefined {
  const lines = [...profile.organizations.map((it) => `O=${it}`), `CN=${profile.commonName}`];
  return lines.every((it) => /^[\w=:@.*/ -]+$/.test(it)) ? lines.join("\n") : undefined;
}
