import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { inClusterConnection, readKubeconfig } from "./kubeconfig.ts";

let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-kubeconfig-"));
});
after(async () => {
  await rm(folder, { recursive: true });
});

function config(user: string, cluster = "server: https://127.0.0.1:6443"): string {
  return `apiVersion: v1
kind: Config
current-context: main
contexts:
- name: main
  context: {cluster: c, user: u, namespace: team}
- name: other
  context: {cluster: c, user: nobody}
clusters:
- name: c
  cluster: {${cluster}}
users:
- name: u
  user: {${user}}
`;
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test("readKubeconfig: certificates inline and in files beside it", async () => {
  await write("ca.pem", "authority");
  const data = (text: string): string => Buffer.from(text).toString("base64");
  const path = await write(
    "certificates",
    config(
      `client-certificate-data: ${data("certificate")}, client-key-data: ${data("key")}`,
      "server: 'https://127.0.0.1:6443', certificate-authority: ca.pem, tls-server-name: api",
    ),
  );
  assert.deepEqual(await readKubeconfig(path, new FakeClock()), {
    server: "https://127.0.0.1:6443",
    certificateAuthority: "authority",
    serverName: "api",
    clientCertificate: "certificate",
    clientKey: "key",
    namespace: "team",
  });
});

test("readKubeconfig: a token file is read again after a minute", async () => {
  const clock = new FakeClock();
  await write("token", "first\n");
  const path = await write("rotating", config("token: fixed, tokenFile: token"));
  const { bearerToken } = await readKubeconfig(path, clock);
  assert.equal(await bearerToken?.(), "first");
  await write("token", "second\n");
  assert.equal(await bearerToken?.(), "first");
  await clock.advance(60_000);
  assert.equal(await bearerToken?.(), "second");
});

const faults: [name: string, text: string, context: string | undefined, want: RegExp][] = [
  ["not-yaml", "a: [", undefined, /is not YAML/],
  ["not-object", "- a", undefined, /expected an object with 'contexts'/],
  ["no-context", "contexts: []", undefined, /no current-context/],
  [
    "wrong-context",
    config("token: x"),
    "third",
    /no context named 'third'; there are: main, other/,
  ],
  ["no-user", config("token: x"), "other", /no user named 'nobody'; there are: u/],
  ["exec", config("exec: {command: aws}"), undefined, /'exec' needs a command and apiVersion/],
  ["half", config("client-certificate-data: eA=="), undefined, /come together; one is missing/],
  [
    "no-file",
    config("token: x", "server: 'https://x', certificate-authority: gone.pem"),
    undefined,
    /cannot read 'certificate-authority' at .*gone.pem/,
  ],
];

for (const [name, text, context, want] of faults) {
  test(`readKubeconfig: ${name} is refused with its reason`, async () => {
    const path = await write(name, text);
    await assert.rejects(readKubeconfig(path, new FakeClock(), context), want);
  });
}

test("inClusterConnection: the mounted service account, or a clear error", async () => {
  const clock = new FakeClock();
  const place = { host: "fd00::1", port: "443" };
  await assert.rejects(
    inClusterConnection(place, clock, join(folder, "none")),
    /cannot read the token/,
  );
  await write("token", "secret");
  await write("ca.crt", "authority");
  await write("namespace", "team\n");
  const found = await inClusterConnection(place, clock, folder);
  assert.equal(found.server, "https://[fd00::1]:443");
  assert.equal(await found.bearerToken?.(), "secret");
  assert.equal(found.namespace, "team");
});
