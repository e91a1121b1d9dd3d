import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openAuthority, type Authority } from "#pki/authority.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import { openRegistryServer, type RegistryServer } from "#registry/server.ts";
import { clusterOrganizations, CredentialGate } from "./gate.ts";
import { hashPassword, isPassword } from "./password.ts";
import { parseUsers, UsersFile, withUser } from "./users-file.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-gate-"));
let store: ImageStore | undefined;
let server: RegistryServer | undefined;
let authority: Authority | undefined;
const manifest = JSON.stringify({ schemaVersion: 2, layers: [] });

before(async () => {
  store = await openImageStore(join(directory, "images"), {
    clock: systemClock,
    log: silentLogger,
  });
  await store.putManifest({ repository: "team/app", bytes: Buffer.from(manifest), tags: ["1"] });
  const lines = [
    `writer:${await hashPassword("w")}`,
    `team:${await hashPassword("t")}:push@team/*`,
  ];
  const file = join(directory, "users");
  writeFileSync(file, `# users\n${lines.join("\n")}\n`);
  authority = await openAuthority(join(directory, "pki"), systemClock);
  const pair = await authority.serving("registry", "registry", ["127.0.0.1"]);
  const common = {
    users: new UsersFile(file),
    organizations: clusterOrganizations,
    clock: systemClock,
  };
  const gates = [
    new CredentialGate({ ...common, scheme: "token", anonymousPull: true }),
    new CredentialGate({ ...common, scheme: "basic", anonymousPull: false }),
  ];
  const plain = gates.map((gate) => ({ host: "127.0.0.1", port: 0, gate, tls: undefined }));
  const [gate = gates[1]] = gates.slice(1);
  if (gate === undefined) throw new Error("no gate");
  const tls = { ...pair, clientCa: authority.certificate };
  server = await openRegistryServer({
    store,
    listeners: [...plain, { host: "127.0.0.1", port: 0, gate, tls }],
    mirror: undefined,
    isOwnName: () => false,
    clock: systemClock,
    log: silentLogger,
  });
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function basic(credentials: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

async function ask(
  at: number,
  line: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const body = method === "PUT" ? { body: manifest } : {};
  const url = `http://127.0.0.1:${server?.ports[at] ?? 0}${path}`;
  return await fetch(url, { method, headers, ...body });
}

const token = 0;
const password = 1;

const cases: [at: number, line: string, credentials: string | undefined, status: number][] = [
  [token, "GET /v2/", undefined, 401],
  [token, "GET /v2/", "writer:w", 200],
  [token, "GET /v2/team/app/manifests/1", undefined, 200],
  [token, "PUT /v2/team/app/manifests/2", undefined, 401],
  [token, "PUT /v2/team/app/manifests/2", "writer:wrong", 401],
  [token, "PUT /v2/team/app/manifests/2", "nobody:w", 401],
  [token, "PUT /v2/team/app/manifests/2", "team:t", 201],
  [token, "PUT /v2/other/app/manifests/2", "team:t", 403],
  [token, "DELETE /v2/team/app/manifests/2", "team:t", 403],
  [token, "DELETE /v2/team/app/manifests/2", "writer:w", 202],
  [password, "GET /v2/", undefined, 401],
  [password, "GET /v2/team/app/manifests/1", undefined, 401],
  [password, "GET /v2/team/app/manifests/1", ":", 401],
  [password, "GET /v2/team/app/manifests/1", "team:t", 200],
  [password, "GET /v2/other/app/manifests/1", "team:t", 403],
  [password, "GET /v2/_catalog", undefined, 200],
];

for (const [at, line, credentials, status] of cases) {
  const scheme = at === token ? "token" : "basic";
  test(`gate, ${scheme}: ${line} as ${credentials ?? "nobody"} -> ${status}`, async () => {
    const headers = credentials === undefined ? {} : basic(credentials);
    assert.equal((await ask(at, line, headers)).status, status);
  });
}

test("gate: nobody's catalogue is empty where nothing may be pulled", async () => {
  const answer = await ask(password, "GET /v2/_catalog");
  assert.deepEqual(await answer.json(), { repositories: [] });
});

async function tokenFor(
  scope: string,
  credentials: string | undefined,
): Promise<Record<string, string>> {
  const headers = credentials === undefined ? {} : basic(credentials);
  const line = `GET /token?service=registry&scope=${encodeURIComponent(scope)}`;
  const answer = await ask(token, line, headers);
  assert.equal(answer.status, 200);
  return { authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
}

test("gate: a token allows what was asked for and granted, and no more", async () => {
  const put = "PUT /v2/team/app/manifests/3";
  const refused = await ask(token, put);
  assert.match(
    refused.headers.get("www-authenticate") ?? "",
    /^Bearer realm="http:\/\/127.0.0.1:\d+\/token",service="registry",scope="repository:team\/app:pull,push"$/,
  );
  const wanted = "repository:team/app:pull,push";
  assert.equal((await ask(token, put, await tokenFor(wanted, "team:t"))).status, 201);
  assert.equal((await ask(token, put, await tokenFor(wanted, undefined))).status, 401);
  const other = await tokenFor("repository:other/app:pull,push", "team:t");
  assert.equal((await ask(token, "PUT /v2/other/app/manifests/1", other)).status, 401);
  assert.equal((await ask(token, "GET /v2/", other)).status, 200);
  const forged = { authorization: `${other["authorization"] ?? ""}x` };
  assert.equal((await ask(token, "GET /v2/", forged)).status, 401);
});

test("gate: a form gives a token too", async () => {
  const fields = { grant_type: "password", username: "team", password: "t", service: "registry" };
  const url = `http://127.0.0.1:${server?.ports[token] ?? 0}/token`;
  const post = async (more: object): Promise<number> => {
    const body = new URLSearchParams({ ...fields, ...more });
    return (await fetch(url, { method: "POST", body })).status;
  };
  assert.equal(await post({}), 200);
  assert.equal(await post({ password: "wrong" }), 401);
});

async function overTls(
  method: string,
  path: string,
  pair: { readonly certificate: string; readonly key: string } | undefined,
): Promise<number> {
  const agent = new Agent({
    ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
    ca: authority?.certificate ?? "",
  });
  const status = await new Promise<number>((resolve, reject) => {
    const port = server?.ports[2];
    const request = httpsRequest({ host: "127.0.0.1", port, method, path, agent }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end(method === "PUT" ? manifest : undefined);
  });
  agent.destroy();
  return status;
}

test("gate: certificates of the cluster: nodes pull, administrators do all", async () => {
  const issue = async (organization: string): Promise<{ certificate: string; key: string }> => {
    if (authority === undefined) throw new Error("no authority");
    const usages = ["client auth"] as const;
    const subject = { commonName: "someone", organizations: [organization] };
    return await authority.issue({ ...subject, hosts: [], usages });
  };
  const get = "/v2/team/app/manifests/1";
  const put = "/v2/certified/manifests/1";
  const node = await issue("system:nodes");
  assert.equal(await overTls("GET", get, undefined), 401);
  assert.equal(await overTls("GET", get, node), 200);
  assert.equal(await overTls("PUT", put, node), 403);
  assert.equal(await overTls("PUT", put, await issue("system:masters")), 201);
  assert.equal(await overTls("GET", get, await issue("elsewhere")), 401);
});

test("parseUsers: what is malformed is named by its line, not by its content", () => {
  assert.throws(
    () => parseUsers("# x\nann:$2y$05$secret\n"),
    (error: Error) => /line 2/.test(error.message) && !error.message.includes("secret"),
  );
  assert.equal(parseUsers("").size, 0);
});

test("withUser: a line is added once, and replaced", () => {
  const once = withUser("# users\n", "ann:1");
  assert.equal(once, "# users\nann:1\n");
  assert.equal(withUser(`${once}bob:2\n`, "ann:3"), "# users\nbob:2\nann:3\n");
});

test("isPassword: only what hashPassword made, and nothing that asks for all memory", async () => {
  const hash = await hashPassword("right");
  assert.equal(await isPassword("right", hash), true);
  assert.equal(await isPassword("Right", hash), false);
  assert.equal(await isPassword("x", "$2y$05$abc"), false);
  assert.equal(await isPassword("x", "$scrypt$ln=40,r=8,p=1$AAAA$AAAA"), false);
});
