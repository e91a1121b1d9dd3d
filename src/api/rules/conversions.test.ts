import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinResources } from "#api/kinds/list.ts";
import { conversionOf, conversionTo } from "./conversions.ts";

test("every kind that is stored in another version can go there and back", () => {
  const converted = builtinResources.filter(
    (it) =>
      `${it.group}/${it.version}` !== `${it.storageVersion.group}/${it.storageVersion.version}`,
  );
  assert.ok(converted.length >= 2);
  for (const it of converted) {
    assert.ok(conversionOf(it, it.storageVersion), `${it.group} ${it.plural}: to storage`);
    assert.ok(conversionTo(it, it.storageVersion), `${it.group} ${it.plural}: from storage`);
  }
});

test("the same version needs no conversion", () => {
  for (const it of builtinResources) assert.equal(conversionOf(it, it), undefined);
});
