// What is written for HAProxy is what HAProxy reads: one Ingress whose configuration it refuses would
// keep the others from their changes.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { renderConfig, rootName, type ConfigSettings } from "#ingress/haproxy/config.ts";
import { assignSlots } from "#ingress/haproxy/slots.ts";
import type { BackendPlan, IngressPlan } from "#ingress/model.ts";
import { issuePair, makeAuthority } from "#pki/issue.ts";
import { run } from "#testing/gantry-process.ts";

const program = "/usr/sbin/haproxy";
const skip = existsSync(program) ? undefined : `needs ${program}`;
const dayMs = 86_400_000;

const usual: BackendPlan = {
  protocol: "http",
  sticky: false,
  readMs: undefined,
  tunnelMs: undefined,
  bodyBytesMax: undefined,
  endpoints: ["10.244.0.2:8080", "10.244.0.3:8080"],
};
/** Each value that a backend can have, in one of them. */
const backends = new Map<string, BackendPlan>([
  ["d:plain:80", usual],
  ["d:sticky:80", { ...usual, sticky: true, endpoints: [] }],
  ["d:two:80", { ...usual, protocol: "h2c" }],
  ["d:safe:443", { ...usual, protocol: "https" }],
  ["d:own:80:name.with.dots", { ...usual, readMs: 1, tunnelMs: 86_400_000, bodyBytesMax: 2 ** 50 }],
]);
/** Paths that validation lets through. */
const paths = [
  "/",
  "/a/b",
  '/"quoted"',
  "/it's",
  "/back\\slash",
  "/#",
  "/%41",
  "/$(x)",
  "/é",
  "/{}",
];

function planOf(certificate: string): IngressPlan {
  const target = { backend: "d:plain:80", redirect: false };
  const table = (host: string): [string, typeof target][] =>
    paths.map((it, at) => [`${host}${it}`, { ...target, redirect: at % 2 === 0 }]);
  return {
    served: [],
    routes: {
      exact: new Map([...table("a.test"), ...table("")]),
      prefix: new Map(table("*.b.test")),
      fallback: new Map([["a.test", target]]),
      last: { backend: "d:sticky:80", redirect: false },
    },
    backends,
    certificates: [{ pem: certificate, hosts: ["a.test", "*.b.test"] }],
    defaultCertificate: undefined,
    problems: [],
  };
}

async function certificate(): Promise<string> {
  const authority = await makeAuthority("test", dayMs, Date.now());
  const usages = ["server auth"] as const;
  const profile = { commonName: "a", organizations: [], hosts: ["a"], usages, lifetimeMs: dayMs };
  const { certificate: leaf, key } = await issuePair(authority, profile, Date.now());
  return `${leaf}${key}`;
}

const ports: [httpPort: number | undefined, httpsPort: number | undefined][] = [
  [80, 443],
  [80, undefined],
  [undefined, 8_443],
];

for (const [httpPort, httpsPort] of ports) {
  test(
    `HAProxy reads it: ${httpPort ?? "no HTTP"}, ${httpsPort ?? "no HTTPS"}`,
    { skip },
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "gantry ingress-"));
      try {
        const pem = await certificate();
        mkdirSync(join(directory, rootName));
        const settings: ConfigSettings = {
          socket: "s1",
          user: process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined,
          httpPort,
          httpsPort,
          connectionsMax: 100,
          threads: 1,
          defaultCertificate: pem,
        };
        const files = renderConfig(planOf(pem), assignSlots(new Map(), backends), settings);
        for (const [name, content] of files) writeFileSync(join(directory, name), content);
        const { code, stderr } = run(program, ["-C", directory, "-c", "-f", "haproxy.cfg"]);
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stderr, /WARNING/);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
}
