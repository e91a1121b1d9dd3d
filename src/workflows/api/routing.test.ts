import assert from "node:assert/strict";
import { test } from "node:test";
import { noContent } from "./exchange.ts";
import { RouteTable, type Method, type Route } from "./routing.ts";
import { routes } from "./routes/list.ts";

function routeTo(method: Method, path: string): Route {
  return { method, path, subject: undefined, parameters: [], answer: async () => noContent };
}

const table = new RouteTable([
  routeTo("GET", "/dags"),
  routeTo("GET", "/dags/{dag_id}"),
  routeTo("PATCH", "/dags/{dag_id}"),
  routeTo("GET", "/assets/events"),
  routeTo("GET", "/assets/{asset_id}"),
  routeTo("GET", "/runs/{run}/tasks/{task}/tries"),
  routeTo("GET", "/runs/{run}/tasks/{task}/{index}/tries"),
]);

const cases: [method: string, path: string, want: string][] = [
  ["GET", "dags", "/dags"],
  ["GET", "dags/a", '/dags/{dag_id} {"dag_id":"a"}'],
  ["PATCH", "dags/a", '/dags/{dag_id} {"dag_id":"a"}'],
  ["POST", "dags/a", "method GET,PATCH"],
  ["GET", "dags/", "none"],
  ["GET", "dags/a/b", "none"],
  ["GET", "assets/events", "/assets/events"],
  ["GET", "assets/7", '/assets/{asset_id} {"asset_id":"7"}'],
  ["GET", "runs/r/tasks/t/tries", '/runs/{run}/tasks/{task}/tries {"run":"r","task":"t"}'],
  [
    "GET",
    "runs/r/tasks/t/3/tries",
    '/runs/{run}/tasks/{task}/{index}/tries {"run":"r","task":"t","index":"3"}',
  ],
  ["GET", "runs/r/tasks", "none"],
];

for (const [method, path, want] of cases) {
  test(`RouteTable: ${method} ${path} -> ${want}`, () => {
    const found = table.find(method, path.split("/"));
    if (found.kind === "none") assert.equal("none", want);
    else if (found.kind === "method") assert.equal(`method ${found.allowed.join()}`, want);
    else {
      const values = Object.keys(found.path).length === 0 ? "" : ` ${JSON.stringify(found.path)}`;
      assert.equal(`${found.route.path}${values}`, want);
    }
  });
}

test("routes: each operation is there once", () => {
  const names = routes.map((it) => `${it.method} ${it.path.replaceAll(/\{\w+\}/g, "{}")}`);
  assert.deepEqual(names, [...new Set(names)]);
});
