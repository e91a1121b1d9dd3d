import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { airflowOperations, notServed } from "#testing/airflow-shapes.ts";
import { routes } from "./routes/list.ts";

const served = new Map(routes.map((it) => [`${it.method} ${it.path}`, it]));
const refused = new Set(notServed.flatMap((it) => it.operations));

for (const [name, operation] of Object.entries(airflowOperations)) {
  test(`${name} is served with all its parameters, or it is said why not`, () => {
    const route = served.get(name);
    assert.equal(route === undefined, refused.has(name));
    if (route === undefined) return;
    const wanted = (operation.query ?? []).map((it) => it.replace("!", ""));
    const missing = wanted.filter((it) => !route.parameters.includes(it));
    assert.deepEqual(missing, []);
  });
}

test("nothing else is served below Airflow's paths, but what its pages ask", () => {
  const foreign = [...served.keys(), ...refused].filter(
    (it) => !Object.hasOwn(airflowOperations, it),
  );
  assert.deepEqual(foreign, ["GET /dags/{dag_id}/dagRuns/{dag_run_id}/deadlines"]);
});

test("the documentation says what is not served, and why", () => {
  const file = new URL("../../../docs/workflows.md", import.meta.url);
  const words = readFileSync(file, "utf8").replaceAll(/\s+/g, " ");
  for (const { because, operations } of notServed) {
    assert.ok(words.includes(because), because);
    assert.ok(operations.length > 0);
  }
});
