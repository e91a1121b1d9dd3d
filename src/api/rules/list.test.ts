import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinResources } from "#api/kinds/list.ts";
import type { JsonObject } from "#api/object.ts";
import { strategyOf } from "./list.ts";

const context = { now: "2026-01-01T00:00:00Z" };

for (const resource of builtinResources) {
  const name = `${resource.group === "" ? "core" : resource.group}/${resource.version}/${resource.plural}`;
  const strategy = strategyOf(resource);
  const empty = (): JsonObject => ({ apiVersion: "x", kind: "y", metadata: { name: "a" } });

  test(`${name}: every hook takes an object without a spec`, () => {
    const object = empty();
    strategy.default(object);
    strategy.prepareForCreate(object, context);
    strategy.validate(object);
    const next = empty();
    strategy.default(next);
    strategy.prepareForUpdate(next, object, context);
    strategy.validateUpdate(next, object);
    strategy.prepareForStatusUpdate(next, object, context);
    strategy.validateStatusUpdate(next, object);
    strategy.warnings(next, object);
    strategy.warnings(next, undefined);
    strategy.gracePeriodSeconds(object, undefined);
    assert.equal(object["metadata"] !== undefined, true);
  });

  test(`${name}: defaults filled in twice are the same as once`, () => {
    const object = empty();
    strategy.default(object);
    const once = structuredClone(object);
    strategy.default(object);
    assert.deepEqual(object, once);
  });

  test(`${name}: one cell per column, the name first`, () => {
    const cells = strategy.cells(empty(), 0);
    assert.equal(cells.length, strategy.columns.length);
    if (resource.plural !== "events") assert.equal(cells[0], "a");
  });

  test(`${name}: the same strategy each time`, () => {
    assert.equal(strategyOf(resource), strategy);
  });
}
