import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldError } from "#api/field.ts";
import { builtin, builtinResources } from "#api/kinds/list.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { strategyOf } from "#api/rules/list.ts";
import type { Strategy } from "#api/strategy.ts";

/** A change of one field, and the faults it causes: `Required spec.containers[0].name`. */
export type FaultCase = readonly [path: string, value: Json | undefined, want: string];

/** The strategy of a built-in kind, by group (or `group/version`) and plural. */
export function strategyFor(group: string, plural: string): Strategy {
  if (!group.includes("/")) return strategyOf(builtin(group, plural));
  const found = builtinResources.find(
    (it) => `${it.group}/${it.version}` === group && it.plural === plural,
  );
  assert.ok(found, `no kind ${group} ${plural}`);
  return strategyOf(found);
}

/**
 * One test per case: a new object that is valid but for one change. `want` is `Reason field`,
 * with ` ~ text` after it where the message must hold a text; several faults stand with ` ; `
 * between them. An empty `want` is a change that is fine. Paths are dotted, list items by number.
 */
export function testFaults(
  group: string,
  plural: string,
  valid: JsonObject,
  cases: readonly FaultCase[],
): void {
  const strategy = strategyFor(group, plural);
  test(`${plural}: a valid object`, () => {
    assert.deepEqual(strategy.validate(defaulted(strategy, valid)), []);
  });
  for (const [path, value, want] of cases) {
    test(`${plural}: ${path} = ${JSON.stringify(value)} -> ${want}`, () => {
      const object = defaulted(strategy, withValue(valid, path, value));
      checkFaults(strategy.validate(object), want);
    });
  }
}

/** As {@link testFaults}, for a change of a stored object: faults of `validateUpdate`. */
export function testUpdateFaults(
  group: string,
  plural: string,
  valid: JsonObject,
  cases: readonly FaultCase[],
): void {
  const strategy = strategyFor(group, plural);
  for (const [path, value, want] of cases) {
    test(`${plural}: update of ${path} to ${JSON.stringify(value)} -> ${want}`, () => {
      const previous = defaulted(strategy, valid);
      const next = defaulted(strategy, withValue(valid, path, value));
      strategy.prepareForUpdate(next, previous, { now: "2026-01-01T00:00:00Z" });
      checkFaults(strategy.validateUpdate(next, previous), want);
    });
  }
}

/** A deep copy with defaults filled in. */
export function defaulted(strategy: Strategy, object: JsonObject): JsonObject {
  const copy = structuredClone(object);
  strategy.default(copy);
  return copy;
}

/** A deep copy with one field set, or taken away when `value` is undefined. */
export function withValue(object: JsonObject, path: string, value: Json | undefined): JsonObject {
  const copy = structuredClone(object);
  if (path === "") return copy;
  const steps = path.split("/").flatMap((it, i) => (i === 0 ? it.split(".") : [it]));
  const last = steps.pop() ?? "";
  let at: Json | undefined = copy;
  for (const step of steps) at = child(at, step);
  if (Array.isArray(at)) at[Number(last)] = value ?? null;
  else if (isJsonObject(at)) {
    if (value === undefined) Reflect.deleteProperty(at, last);
    else at[last] = value;
  } else assert.fail(`no object at ${path}`);
  return copy;
}

/** The value at a dotted path, for expectations about one field. */
export function valueAt(object: Json | undefined, path: string): Json | undefined {
  let at = object;
  for (const step of path.split(".")) {
    if (Array.isArray(at)) at = at[Number(step)];
    else at = isJsonObject(at) ? at[step] : undefined;
  }
  return at;
}

function child(at: Json | undefined, step: string): Json | undefined {
  if (Array.isArray(at)) return at[Number(step)];
  if (!isJsonObject(at)) return assert.fail(`no object around ${step}`);
  return (at[step] ??= {});
}

function checkFaults(errors: readonly FieldError[], want: string): void {
  const wanted = want === "" ? [] : want.split(" ; ").map((it) => it.split(" ~ "));
  const got = errors.map((it) => `${it.reason.replace("FieldValue", "")} ${it.field}`.trim());
  const details = JSON.stringify(errors, undefined, 1);
  assert.deepEqual(
    got,
    wanted.map(([head]) => head),
    details,
  );
  for (const [i, [, text]] of wanted.entries()) {
    if (text !== undefined) assert.ok(errors[i]?.message.includes(text) === true, details);
  }
}

/** One test: what the defaults make of an object, at the given dotted paths. */
export function testDefaults(
  group: string,
  plural: string,
  given: JsonObject,
  want: Readonly<Record<string, Json | undefined>>,
): void {
  test(`${plural}: defaults of ${JSON.stringify(given)}`, () => {
    const object = defaulted(strategyFor(group, plural), given);
    const got = Object.fromEntries(Object.keys(want).map((path) => [path, valueAt(object, path)]));
    assert.deepEqual(got, want);
  });
}
