import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { credentialOf, execCredential, expiringToken } from "./exec-credential.ts";
import { readKubeconfig } from "./kubeconfig.ts";

const v1 = "client.authentication.k8s.io/v1";

test("credentialOf: what programs print", () => {
  const print = (status: object, more = {}): string =>
    JSON.stringify({ apiVersion: v1, kind: "ExecCredential", status, ...more });
  const none = { clientCertificate: undefined, clientKey: undefined, expiresAt: undefined };
  assert.deepEqual(credentialOf(print({ token: "t" }), v1), { ...none, token: "t" });
  const pair = { clientCertificateData: "c", clientKeyData: "k" };
  const dated = print({ ...pair, expirationTimestamp: "2026-01-01T00:00:00Z" });
  assert.deepEqual(credentialOf(dated, v1), {
    token: undefined,
    clientCertificate: "c",
    clientKey: "k",
    expiresAt: Date.UTC(2026, 0),
  });
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["no", /not JSON/],
    [print({}, { apiVersion: "v1" }), /ExecCredential of client/],
    [print({}), /neither a token nor/],
    [print({ clientKeyData: "k" }), /without a key/],
  ];
  for (const [text, want] of wrong) assert.throws(() => credentialOf(text, v1), want, text);
});

test("execCredential: the program beside the kubeconfig, its variables, its failure", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-exec-"));
  try {
    const answer = `{"apiVersion": "${v1}", "kind": "ExecCredential", "status": {"token": "%s"}}`;
    const script = `#!/bin/sh
case "$KUBERNETES_EXEC_INFO" in *'"server":"https://h:1"'*) ;; *) echo no cluster >&2; exit 1;; esac
printf '${answer}' "$1-$WHO"`;
    writeFileSync(join(folder, "login"), script, { mode: 0o755 });
    const env = [{ name: "WHO", value: "me" }];
    const spec = {
      apiVersion: v1,
      command: "./login",
      args: ["for"],
      env,
      provideClusterInfo: true,
    };
    const path = join(folder, "config");
    const found = await execCredential(spec, { server: "https://h:1" }, path);
    assert.equal(found.token, "for-me");
    await assert.rejects(execCredential(spec, {}, path), /login gave no credential: no cluster/);
    const always = { ...spec, interactiveMode: "Always" };
    await assert.rejects(execCredential(always, {}, path), /wants a terminal/);
    const config = {
      "current-context": "x",
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: "https://h:1" } }],
      users: [{ name: "u", user: { exec: spec } }],
    };
    writeFileSync(path, JSON.stringify(config));
    const connection = await readKubeconfig(path, new FakeClock());
    assert.equal(await connection.bearerToken?.(), "for-me");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("expiringToken: asked for again when it has expired, and not before", async () => {
  const clock = new FakeClock();
  const none = { clientCertificate: undefined, clientKey: undefined };
  let asked = 0;
  const again = () => {
    asked += 1;
    return Promise.resolve({ ...none, token: `t${asked}`, expiresAt: undefined });
  };
  const first = { ...none, token: "t0", expiresAt: clock.now() + 1_000 };
  const token = expiringToken(first, again, clock);
  assert.equal(await token(), "t0");
  await clock.advance(1_000);
  assert.deepEqual(await Promise.all([token(), token()]), ["t1", "t1"]);
  assert.equal(await token(), "t1");
});
