import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { openTestWorkflowApi, testPassword } from "#testing/workflow-api.ts";
import { addAccount, changePassword, findAccount } from "#workflows/state/accounts.ts";
import { migrations } from "#workflows/state/schema.ts";
import { Vault } from "#workflows/state/vault.ts";
import { usersCreate, usersDelete, usersList, usersResetPassword } from "#workflows/verbs/users.ts";
import { LoginAttempts } from "./attempts.ts";
import { addFirstAccount } from "./first-account.ts";
import { hashPassword, isPassword } from "./passwords.ts";
import { isAllowed, roles, type Subject } from "./roles.ts";
import { Tokens } from "./tokens.ts";

const access: [subject: Subject, read: string, write: string][] = [
  ["dag", "viewer user op admin", "user op admin"],
  ["asset", "viewer user op admin", "op admin"],
  ["pool", "viewer user op admin", "op admin"],
  ["connection", "op admin", "op admin"],
  ["variable", "op admin", "op admin"],
  ["view", "viewer user op admin", "viewer user op admin"],
];

for (const [subject, read, write] of access) {
  test(`isAllowed: ${subject}`, () => {
    assert.equal(roles.filter((it) => isAllowed(it, subject, true)).join(" "), read);
    assert.equal(roles.filter((it) => isAllowed(it, subject, false)).join(" "), write);
  });
}

test("isPassword: the one that was hashed, no other, no other form", async () => {
  const hashed = await hashPassword("right");
  assert.equal(await isPassword("right", hashed), true);
  assert.equal(await isPassword("wrong", hashed), false);
  assert.equal(await isPassword("right", "plain:right"), false);
  assert.notEqual(hashed, await hashPassword("right"));
});

test("LoginAttempts: ten wrong ones, then a minute's wait", async () => {
  const clock = new FakeClock();
  const attempts = new LoginAttempts(clock);
  for (let at = 0; at < 10; at += 1) {
    assert.equal(attempts.waitSeconds(["a"]), undefined);
    attempts.failed(["a"]);
  }
  assert.equal(attempts.waitSeconds(["a", "b"]), 60);
  assert.equal(attempts.waitSeconds(["b"]), undefined);
  await clock.advance(60_000);
  assert.equal(attempts.waitSeconds(["a"]), undefined);
});

test("Tokens: end in time, with their account, and with its password", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const clock = new FakeClock(1_000_000);
  const tokens = new Tokens(Buffer.alloc(32, 1), clock);
  const account = { name: "ann", role: "op", passwordHash: "", changedAt: 5 };
  await addAccount(database, account);
  const token = await tokens.issue(account, 60_000);
  assert.deepEqual(await tokens.verify(database, token), { name: "ann", role: "op" });
  const foreign = new Tokens(Buffer.alloc(32, 2), clock);
  assert.equal(await foreign.verify(database, token), undefined);
  assert.equal(await tokens.verify(database, "x.y.z"), undefined);
  await changePassword(database, { name: "ann", passwordHash: "", changedAt: 6 });
  assert.equal(await tokens.verify(database, token), undefined);
  const later = await findAccount(database, "ann");
  assert.ok(later !== undefined);
  const next = await tokens.issue(later, 60_000);
  await clock.advance(59_000);
  assert.notEqual(await tokens.verify(database, next), undefined);
  await clock.advance(2_000);
  assert.equal(await tokens.verify(database, next), undefined);
});

test("addFirstAccount: once, and its password is kept before", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const kept: string[] = [];
  const keep = (password: string): unknown => kept.push(password);
  assert.equal(await addFirstAccount(database, 1, keep), true);
  assert.equal(await addFirstAccount(database, 1, keep), false);
  const account = await findAccount(database, "admin");
  assert.equal(await isPassword(kept[0] ?? "", account?.passwordHash ?? ""), true);
  assert.equal(kept.length, 1);
});

test("gantry users: made, listed, given another password and deleted", async () => {
  await using database = openSqlite(":memory:");
  await migrate(database, migrations);
  const told: string[] = [];
  const session = {
    database,
    clock: new FakeClock(7),
    vault: new Vault(Buffer.alloc(32)),
    logsFolder: "/nowhere",
    out: (text: string): unknown => told.push(text),
    err: (text: string): unknown => told.push(text),
  };
  await usersCreate(session, { name: "ann", role: "op", password: undefined });
  const password = /^password: (.*)\n$/.exec(told.at(-1) ?? "")?.[1] ?? "";
  const made = await findAccount(database, "ann");
  assert.equal(await isPassword(password, made?.passwordHash ?? ""), true);
  const again = { name: "ann", role: "op", password: "x" } as const;
  await assert.rejects(usersCreate(session, again), /there is a user ann already/);
  await usersResetPassword(session, { name: "ann", password: "other" });
  const changed = await findAccount(database, "ann");
  assert.equal(await isPassword("other", changed?.passwordHash ?? ""), true);
  await usersList(session, { output: "json" });
  assert.equal(told.at(-1), '[{"username":"ann","role":"op"}]\n');
  await usersDelete(session, "ann");
  await assert.rejects(usersDelete(session, "ann"), /there is no user ann/);
});

test("the API: logins, tokens and roles", async () => {
  await using api = await openTestWorkflowApi();
  const login = { username: "viewer", password: testPassword };
  const given = await api.send("POST", "/auth/token", { body: login, token: undefined });
  assert.equal(given.status, 201);
  const token = String(given.json["access_token"]);
  const wrong = await api.send("POST", "/auth/token", { body: { ...login, password: "x" } });
  assert.deepEqual([wrong.status, wrong.json], [401, { detail: "Invalid credentials" }]);
  const nobody = await api.send("POST", "/auth/token", { body: { ...login, username: "x" } });
  assert.equal(nobody.status, 401);
  const form = await api.send("POST", "/auth/token/cli", {
    body: new URLSearchParams(login).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(form.status, 201);

  assert.equal((await api.send("GET", "/api/v2/dags", { token })).status, 200);
  const cases: [method: string, path: string, token: string | undefined, want: number][] = [
    ["GET", "/api/v2/dags", undefined, 401],
    ["GET", "/api/v2/dags", "forged", 401],
    ["GET", "/api/v2/variables", token, 403],
    ["PATCH", "/api/v2/dags/x", token, 403],
    ["DELETE", "/api/v2/dags/x", await api.tokenOf("user"), 404],
    ["POST", "/api/v2/variables", await api.tokenOf("user"), 403],
    ["GET", "/api/v2/variables", await api.tokenOf("op"), 200],
    ["GET", "/api/v2/version", undefined, 200],
    ["GET", "/api/v2/monitor/health", undefined, 200],
    ["GET", "/api/v2/config", token, 403],
    ["GET", "/api/v2/nothing", undefined, 404],
    ["PUT", "/api/v2/dags", undefined, 405],
    ["GET", "/metrics", undefined, 200],
  ];
  for (const [method, path, by, want] of cases) {
    const { status } = await api.send(method, path, { token: by });
    assert.equal(status, want, `${method} ${path}`);
  }
});
