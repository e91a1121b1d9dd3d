import { systemClock } from "#base/clock.ts";
import type { CertificatePair } from "#pki/files.ts";
import { issuePair, makeAuthority } from "#pki/issue.ts";

/** A throwaway authority with a server certificate for loopback and a client certificate. */
export async function loopbackCertificates(): Promise<{
  readonly authority: CertificatePair;
  readonly server: CertificatePair;
  readonly client: CertificatePair;
}> {
  const now = systemClock.now();
  const lifetimeMs = 3_600_000;
  const authority = await makeAuthority("test authority", lifetimeMs, now);
  const common = { organizations: [], lifetimeMs };
  const server = await issuePair(
    authority,
    {
      ...common,
      commonName: "server",
      hosts: ["localhost", "127.0.0.1"],
      usages: ["server auth"],
    },
    now,
  );
  const client = await issuePair(
    authority,
    { ...common, commonName: "tester", hosts: [], usages: ["client auth"] },
    now,
  );
  return { authority, server, client };
}
