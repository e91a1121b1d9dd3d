import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openTestWorkflowApi } from "#testing/workflow-api.ts";
import { roles } from "./auth/roles.ts";
import { routes } from "./routes/list.ts";

/** The least role for each operation, as Airflow's SimpleAuthManager has it. */
const least = JSON.parse(
  readFileSync(new URL("./cases/roles.json", import.meta.url), "utf8"),
) as Readonly<Record<string, readonly string[]>>;
const leastOf = new Map(
  Object.entries(least).flatMap(([role, operations]) => operations.map((it) => [it, role])),
);

/** A path whose variables name nothing that there is. */
function pathOf(template: string): string {
  return `/api/v2${template.replaceAll(/\{\w+\}/g, "0")}`;
}

test("every operation asks for a login and for the role that it needs", async () => {
  await using api = await openTestWorkflowApi();
  const tokens = await Promise.all(roles.map((it) => api.tokenOf(it)));
  for (const { method, path } of routes) {
    const name = `${method} ${path}`;
    const role = leastOf.get(name);
    assert.ok(role !== undefined, `${name} has a role`);
    const isOpen = role === "anybody";
    const unknown = await api.send(method, pathOf(path), { token: undefined });
    assert.equal(unknown.status === 401, !isOpen, `${name}: nobody`);
    const from = roles.findIndex((it) => it === role);
    for (const at of [from - 1, from]) {
      const token = tokens[at];
      if (token === undefined) continue;
      const sent = method === "GET" || method === "DELETE" ? { token } : { token, body: {} };
      const { status, json } = await api.send(method, pathOf(path), sent);
      const isRefused = status === 403 && json["detail"] === "Forbidden";
      assert.equal(isRefused, at < from, `${name}: ${String(roles[at])} ${status}`);
      assert.ok(status !== 401 && status < 500, `${name}: ${status}`);
    }
  }
  assert.equal(leastOf.size, routes.length);
});

test("other sites get nothing: no answer allows another origin", async () => {
  await using api = await openTestWorkflowApi();
  const headers = { origin: "https://elsewhere.example", "access-control-request-method": "GET" };
  for (const [method, want] of [
    ["GET", 200],
    ["OPTIONS", 405],
  ] as const) {
    const answer = await api.send(method, "/api/v2/dags", { headers });
    assert.equal(answer.status, want);
    const allowing = Object.keys(answer.headers).filter((it) => it.startsWith("access-control"));
    assert.deepEqual(allowing, []);
  }
});

test("a body that is too long, and passwords that are tried one after the other", async () => {
  await using api = await openTestWorkflowApi();
  const value = "x".repeat(9 * 1024 * 1024);
  const long = await api.send("POST", "/api/v2/variables", { body: { key: "k", value } });
  assert.equal(long.status, 413);
  const body = { username: "admin", password: "wrong" };
  const statuses: number[] = [];
  for (let at = 0; at < 11; at += 1) {
    statuses.push((await api.send("POST", "/auth/token", { body, token: undefined })).status);
  }
  assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
});
