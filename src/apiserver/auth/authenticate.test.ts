import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import type { JsonObject } from "#api/object.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Credentials, ImpersonationHeaders, UserInfo } from "#apiserver/contract.ts";
import { bindingObject, roleObject } from "#apiserver/bootstrap/rows.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { createAuthenticator } from "./authenticate.ts";
import { createAuthorization, type Authorization } from "./authorize.ts";
import { issuerDocument, keySetDocument } from "./issuer-documents.ts";
import { reviewHandlers } from "./review/handlers.ts";
import { ServiceAccountTokens, type SigningKey } from "./service-account-tokens.ts";

const start = Date.UTC(2026, 4, 1);
const issuer = "https://kubernetes.default.svc.cluster.local";
const signal = new AbortController().signal;

function newKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = createHash("sha256").update(publicKey.export({ type: "spki", format: "der" }));
  const jwk = { ...publicKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: "k" };
  return { privateKey, publicKey, id: id.digest("base64url"), jwk };
}

function named(
  kind: string,
  name: string,
  more: JsonObject = {},
  namespace = "default",
): JsonObject {
  const metadata = namespace === "" ? { name } : { name, namespace };
  return { apiVersion: "v1", kind, metadata, ...more };
}

function bootstrapSecret(id: string, data: Record<string, string>): JsonObject {
  const encoded = Object.entries({
    "token-id": id,
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    ...data,
  }).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return named(
    "Secret",
    `bootstrap-token-${id}`,
    { type: "bootstrap.kubernetes.io/token", data: Object.fromEntries(encoded) as JsonObject },
    "kube-system",
  );
}

/** A server's authentication with a service account `bot`, its pod, and roles to impersonate. */
function setUp(): {
  clock: FakeClock;
  objects: ObjectFixture;
  tokens: ServiceAccountTokens;
  authorization: Authorization;
  authenticate: (
    credentials: Partial<Credentials>,
    headers?: ImpersonationHeaders,
  ) => Promise<UserInfo>;
  ask: (what: string, object: JsonObject, user?: UserInfo, name?: string) => Promise<JsonObject>;
} {
  const clock = new FakeClock(start);
  const objects = new ObjectFixture([
    named("ServiceAccount", "bot"),
    named("Node", "node-a", {}, ""),
    named("Pod", "web", { spec: { serviceAccountName: "bot", nodeName: "node-a" } }),
    named("Secret", "s"),
    roleObject({
      name: "impersonator",
      rules: [
        "impersonate core users,serviceaccounts",
        "impersonate core groups ops",
        "impersonate authentication.k8s.io userextras/team blue",
        "impersonate authentication.k8s.io uids u-1",
      ],
    }),
    bindingObject({ name: "impersonator", role: "impersonator", subjects: ["User boss"] }),
    roleObject({ name: "pods", namespace: "default", rules: ["read core pods"] }),
    bindingObject({
      name: "pods",
      namespace: "default",
      role: "pods",
      subjects: ["ServiceAccount default/bot"],
    }),
  ]);
  const authorization = createAuthorization(objects);
  const settings = { key: newKey(), issuer, audiences: [issuer] };
  const tokens = new ServiceAccountTokens(settings, objects, clock);
  const parts = { tokens, objects, clock, authorizer: authorization.authorizer };
  const authenticator = createAuthenticator(parts);
  const handlers = reviewHandlers(parts, authorization);
  return {
    clock,
    objects,
    tokens,
    authorization,
    async authenticate({ certificate, authorization }, headers = {}) {
      const user = await authenticator.authenticate({ certificate, authorization }, signal);
      return authenticator.impersonate(user, headers);
    },
    async ask(what, object, user = boss, name) {
      const handler = handlers.get(what);
      assert.ok(handler, what);
      return await handler(structuredClone(object), user, "default", name);
    },
  };
}

const boss: UserInfo = { name: "boss", uid: "", groups: ["system:authenticated"], extra: {} };

function certificate(commonName: string, ...organizations: string[]): Partial<Credentials> {
  return { certificate: { commonName, organizations } };
}

test("client certificates: the common name is the user, organizations are groups", async () => {
  const { authenticate } = setUp();
  const cases: [given: Partial<Credentials>, name: string, groups: string[]][] = [
    [certificate("jane", "dev", "ops"), "jane", ["dev", "ops", "system:authenticated"]],
    [certificate("jane"), "jane", ["system:authenticated"]],
    [certificate("", "dev"), "system:anonymous", ["system:unauthenticated"]],
    [{}, "system:anonymous", ["system:unauthenticated"]],
    [{ authorization: "Basic amFuZTp4" }, "system:anonymous", ["system:unauthenticated"]],
    [{ authorization: "Bearer " }, "system:anonymous", ["system:unauthenticated"]],
  ];
  for (const [given, name, groups] of cases) {
    const user = await authenticate(given);
    assert.deepEqual([user.name, user.groups], [name, groups]);
  }
  assert.equal(
    await authenticate(certificate("a", "b")),
    await authenticate(certificate("a", "b")),
  );
  assert.notEqual(await authenticate(certificate("a", "b")), await authenticate(certificate("a")));
});

/** Asks for a token and returns it with the answer. */
async function tokenOf(
  server: ReturnType<typeof setUp>,
  spec: JsonObject = {},
): Promise<{ token: string; answer: JsonObject }> {
  const answer = await server.ask("/serviceaccounts/token", { spec }, boss, "bot");
  const status = answer["status"] as { token: string };
  return { token: status.token, answer };
}

test("TokenRequest: a token that the server accepts as its service account", async () => {
  const server = setUp();
  const pod = server.objects.get("pods", "", "default", "web")?.["metadata"] as { uid: string };
  const { token, answer } = await tokenOf(server, {
    expirationSeconds: 7200,
    boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: pod.uid },
  });
  assert.deepEqual(answer["spec"], {
    audiences: [issuer],
    expirationSeconds: 7200,
    boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: pod.uid },
  });
  const status = answer["status"] as JsonObject;
  assert.equal(status["expirationTimestamp"], "2026-05-01T02:00:00Z");
  const user = await server.authenticate({ authorization: `Bearer ${token}` });
  assert.equal(user.name, "system:serviceaccount:default:bot");
  assert.deepEqual(user.groups, [
    "system:serviceaccounts",
    "system:serviceaccounts:default",
    "system:authenticated",
  ]);
  assert.deepEqual(user.extra["authentication.kubernetes.io/pod-name"], ["web"]);
  assert.deepEqual(user.extra["authentication.kubernetes.io/node-name"], ["node-a"]);
  const again = await server.authenticate({ authorization: `bearer ${token}` });
  assert.equal(again, user, "the same user object, so that decisions are remembered");
});

test("TokenRequest: claims and signature are what other verifiers expect", async () => {
  const server = setUp();
  const { token } = await tokenOf(server, { audiences: ["vault"] });
  const [head = "", body = "", signature = ""] = token.split(".");
  const decode = (text: string): JsonObject =>
    JSON.parse(Buffer.from(text, "base64url").toString()) as JsonObject;
  const claims = decode(body);
  assert.equal(decode(head)["alg"], "ES256");
  assert.deepEqual(
    [claims["aud"], claims["iss"], claims["sub"], claims["iat"], claims["exp"]],
    [["vault"], issuer, "system:serviceaccount:default:bot", start / 1000, start / 1000 + 3600],
  );
  const kubernetes = claims["kubernetes.io"] as JsonObject;
  assert.equal(kubernetes["namespace"], "default");
  assert.equal((kubernetes["serviceaccount"] as JsonObject)["name"], "bot");
  const [jwk] = keySetDocument(server.tokens.settings)["keys"] as [JsonObject];
  assert.equal(jwk["d"], undefined);
  const published = createPublicKey({ key: jwk, format: "jwk" });
  const key = { key: published, dsaEncoding: "ieee-p1363" } as const;
  const signed = Buffer.from(`${head}.${body}`);
  assert.equal(verify("sha256", signed, key, Buffer.from(signature, "base64url")), true);
  assert.equal(
    issuerDocument(server.tokens.settings, "https://x/openid/v1/jwks")["issuer"],
    issuer,
  );
  // A token for somebody else is none for us.
  await assert.rejects(server.authenticate({ authorization: `Bearer ${token}` }), /Unauthorized/);
});

test("service account tokens stop counting when their time or their objects are over", async () => {
  const ends: [why: string, end: (server: ReturnType<typeof setUp>) => Promise<void> | void][] = [
    ["expired", (server) => server.clock.advance(3_600_001)],
    [
      "account deleted",
      ({ objects }) => {
        objects.remove("serviceaccounts", "", "default", "bot");
      },
    ],
    [
      "account made anew",
      ({ objects }) => {
        objects.put(named("ServiceAccount", "bot"));
      },
    ],
    [
      "pod gone",
      ({ objects }) => {
        objects.remove("pods", "", "default", "web");
      },
    ],
    [
      "pod deleted a minute ago",
      ({ objects }) => {
        const pod = structuredClone(objects.get("pods", "", "default", "web") ?? {});
        const metadata = pod["metadata"] as JsonObject;
        metadata["deletionTimestamp"] = "2026-04-30T23:58:00Z";
        objects.put(pod);
      },
    ],
  ];
  for (const [why, end] of ends) {
    const server = setUp();
    const bound = { apiVersion: "v1", kind: "Pod", name: "web" };
    const { token } = await tokenOf(server, { boundObjectRef: bound });
    const credentials = { authorization: `Bearer ${token}` };
    await server.authenticate(credentials);
    await end(server);
    await assert.rejects(
      server.authenticate(credentials),
      (error) => isStatus(error, "Unauthorized"),
      why,
    );
  }
});

test("bearer tokens that are refused", async () => {
  const server = setUp();
  const { token } = await tokenOf(server);
  const [head = "", body = "", signature = ""] = token.split(".");
  const stranger = setUp();
  const forged = (await tokenOf(stranger)).token;
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const flipped = signature.startsWith("A") ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
  for (const bad of [
    "garbage",
    "a.b.c",
    `${head}.${body}.${flipped}`,
    `${none}.${body}.`,
    forged,
    "abcdef.0123456789abcdef",
  ]) {
    await assert.rejects(
      server.authenticate({ authorization: `Bearer ${bad}` }),
      (error) => isStatus(error, "Unauthorized"),
      bad,
    );
  }
});

test("TokenRequest: what is refused, and how", async () => {
  const server = setUp();
  server.objects.put(named("Pod", "other", { spec: { serviceAccountName: "default" } }));
  const cases: [spec: JsonObject, code: number, message: RegExp][] = [
    [{ expirationSeconds: 599 }, 422, /may not specify a duration less than 10 minutes/],
    [{ expirationSeconds: 2 ** 33 }, 422, /larger than 2\^32 seconds/],
    [{ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "none" } }, 404, /"none" not found/],
    [
      { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: "old" } },
      409,
      /the UID in the bound object reference \(old\) does not match/,
    ],
    [
      { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "other" } },
      400,
      /cannot bind token for serviceaccount "bot" to pod running with different/,
    ],
    [
      { boundObjectRef: { apiVersion: "v1", kind: "Service", name: "x" } },
      400,
      /cannot bind token to object of type/,
    ],
  ];
  for (const [spec, code, message] of cases) {
    await assert.rejects(tokenOf(server, spec), (error) => {
      assert.ok(error instanceof StatusError);
      assert.match(error.message, message);
      return error.code === code;
    });
  }
  await assert.rejects(server.ask("/serviceaccounts/token", {}, boss, "none"), /not found/);
  const { answer } = await tokenOf(server, { expirationSeconds: 10 * 365 * 86_400 });
  assert.equal((answer["spec"] as JsonObject)["expirationSeconds"], 365 * 86_400);
});

test("bootstrap tokens", async () => {
  const { authenticate, objects } = setUp();
  const secret = "0123456789abcdef";
  const cases: [data: Record<string, string>, token: string, groups: string[] | undefined][] = [
    [{}, `aaaaaa.${secret}`, ["system:bootstrappers", "system:authenticated"]],
    [
      { "auth-extra-groups": "system:bootstrappers:b,system:bootstrappers:a" },
      `aaaaaa.${secret}`,
      [
        "system:bootstrappers",
        "system:bootstrappers:a",
        "system:bootstrappers:b",
        "system:authenticated",
      ],
    ],
    [
      { expiration: "2026-05-01T00:00:01Z" },
      `aaaaaa.${secret}`,
      ["system:bootstrappers", "system:authenticated"],
    ],
    [{ expiration: "2026-05-01T00:00:00Z" }, `aaaaaa.${secret}`, undefined],
    [{ expiration: "tomorrow" }, `aaaaaa.${secret}`, undefined],
    [{ "auth-extra-groups": "system:masters" }, `aaaaaa.${secret}`, undefined],
    [{ "usage-bootstrap-authentication": "false" }, `aaaaaa.${secret}`, undefined],
    [{ "token-id": "bbbbbb" }, `aaaaaa.${secret}`, undefined],
    [{}, "aaaaaa.0123456789abcdeg", undefined],
    [{}, `cccccc.${secret}`, undefined],
  ];
  for (const [data, token, groups] of cases) {
    objects.put(bootstrapSecret("aaaaaa", data));
    const asked = authenticate({ authorization: `Bearer ${token}` });
    if (groups === undefined) {
      await assert.rejects(asked, /Unauthorized/);
    } else {
      const user = await asked;
      assert.deepEqual([user.name, user.groups], ["system:bootstrap:aaaaaa", groups]);
    }
  }
});

test("impersonation", async () => {
  const { authenticate } = setUp();
  const cases: [
    headers: ImpersonationHeaders,
    want: { name: string; groups: string[]; extra?: object; uid?: string } | string,
  ][] = [
    [{ "impersonate-user": "jane" }, { name: "jane", groups: ["system:authenticated"] }],
    [
      {
        "impersonate-user": "jane",
        "impersonate-group": ["ops"],
        "impersonate-extra-team": "blue",
        "impersonate-uid": "u-1",
      },
      {
        name: "jane",
        groups: ["ops", "system:authenticated"],
        extra: { team: ["blue"] },
        uid: "u-1",
      },
    ],
    [
      { "impersonate-user": "system:serviceaccount:a:b" },
      {
        name: "system:serviceaccount:a:b",
        groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
      },
    ],
    [
      { "impersonate-user": "system:anonymous" },
      { name: "system:anonymous", groups: ["system:unauthenticated"] },
    ],
    [
      { "impersonate-user": "jane", "impersonate-group": "system:masters" },
      'groups "system:masters" is forbidden: User "boss" cannot impersonate resource "groups" in API group "" at the cluster scope',
    ],
    [
      { "impersonate-user": "jane", "impersonate-extra-team": ["blue", "red"] },
      'userextras.authentication.k8s.io "red" is forbidden: User "boss" cannot impersonate resource "userextras/team" in API group "authentication.k8s.io" at the cluster scope',
    ],
    [{ "impersonate-group": "ops" }, "requested uid, groups or extra without impersonating a user"],
  ];
  for (const [impersonation, want] of cases) {
    const asked = authenticate(certificate("boss"), impersonation);
    if (typeof want === "string") {
      await assert.rejects(asked, { message: want });
    } else {
      assert.deepEqual(await asked, { uid: "", extra: {}, ...want });
    }
  }
  const other = authenticate(certificate("jane"), { "impersonate-user": "x" });
  await assert.rejects(other, (error) => isStatus(error, "Forbidden"));
});

test("TokenReview and SelfSubjectReview", async () => {
  const server = setUp();
  const { token } = await tokenOf(server);
  const review = async (spec: JsonObject): Promise<JsonObject> =>
    (await server.ask("authentication.k8s.io/tokenreviews", { spec }))["status"] as JsonObject;
  const good = await review({ token });
  assert.deepEqual([good["authenticated"], good["audiences"]], [true, [issuer]]);
  const other = await review({ token, audiences: ["vault"] });
  assert.equal(other["authenticated"], undefined);
  assert.equal((await review({ token: "nonsense" }))["error"], "invalid bearer token");
  await assert.rejects(review({}), /token is required/);
  const self = await server.ask("authentication.k8s.io/selfsubjectreviews", {});
  assert.deepEqual(self["status"], {
    userInfo: { username: "boss", groups: ["system:authenticated"] },
  });
});

test("access reviews", async () => {
  const server = setUp();
  const bot = "system:serviceaccount:default:bot";
  const pods = { verb: "list", resource: "pods", namespace: "default" };
  const group = "authorization.k8s.io/";
  const cases: [what: string, spec: JsonObject, want: boolean | RegExp][] = [
    ["subjectaccessreviews", { user: bot, resourceAttributes: pods }, true],
    ["subjectaccessreviews", { user: "x", resourceAttributes: pods }, false],
    ["subjectaccessreviews", { groups: ["system:masters"], resourceAttributes: pods }, true],
    ["subjectaccessreviews", { resourceAttributes: pods }, /at least one of user or group/],
    ["subjectaccessreviews", { user: "x" }, /exactly one of nonResourceAttributes or/],
    ["selfsubjectaccessreviews", { resourceAttributes: pods }, false],
    ["selfsubjectaccessreviews", { nonResourceAttributes: { verb: "get", path: "/x" } }, false],
    ["localsubjectaccessreviews", { user: bot, resourceAttributes: pods }, true],
    [
      "localsubjectaccessreviews",
      { user: bot, resourceAttributes: { ...pods, namespace: "other" } },
      /must match metadata.namespace/,
    ],
  ];
  for (const [what, spec, want] of cases) {
    const asked = server.ask(group + what, { spec });
    if (want instanceof RegExp) {
      await assert.rejects(asked, want);
    } else {
      const status = (await asked)["status"] as JsonObject;
      assert.equal(status["allowed"], want, `${what} ${JSON.stringify(spec)}`);
    }
  }
  const user: UserInfo = { name: bot, uid: "", groups: [], extra: {} };
  const spec = { namespace: "default" };
  const rules = await server.ask(`${group}selfsubjectrulesreviews`, { spec }, user);
  assert.deepEqual(rules["status"], {
    resourceRules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    nonResourceRules: [],
    incomplete: false,
  });
});
