import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FragmentBuilder, type Fragment } from "./fragment.ts";
import { Ledger, type TableChange } from "./ledger.ts";
import { renderChange } from "./render.ts";

/** What a table holds; refuses, as nft does, what does not fit to that. */
class Table {
  chains = new Map<string, readonly string[]>();
  sets = new Map<string, string>();
  elements = new Map<string, string>();

  apply(change: TableChange): void {
    if (change.kind === "full") {
      this.chains = new Map(change.chains);
      this.sets = new Map(change.sets);
      this.elements = new Map(flat(change.elements));
      return;
    }
    for (const it of change.flushChains) {
      assert.ok(this.chains.has(it), `flush of ${it}, which is not there`);
      this.chains.set(it, []);
    }
    for (const [name, definition] of change.addSets) {
      assert.ok(!this.sets.has(name), `set ${name} is there already`);
      this.sets.set(name, definition);
    }
    for (const [name, rules] of change.putChains) {
      this.chains.set(name, [...(this.chains.get(name) ?? []), ...rules]);
    }
    for (const [set, keys] of change.deleteElements) {
      for (const key of keys) assert.ok(this.elements.delete(`${set} ${key}`), `no ${set} ${key}`);
    }
    for (const [key, value] of flat(change.addElements)) {
      assert.ok(!this.elements.has(key), `${key} is there already`);
      this.elements.set(key, value);
    }
    for (const it of change.deleteChains) {
      assert.deepEqual(this.chains.get(it), [], `chain ${it} is in use`);
      this.chains.delete(it);
    }
    for (const it of change.deleteSets) assert.ok(this.sets.delete(it), `no set ${it}`);
  }

  content(): unknown {
    return [this.chains, this.sets, this.elements].map((it) =>
      [...(it as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}

function flat(
  elements: ReadonlyMap<string, ReadonlyMap<string, string>>,
): [key: string, value: string][] {
  return [...elements].flatMap(([set, values]) =>
    [...values].map(([key, value]): [string, string] => [`${set} ${key}`, value]),
  );
}

/** A fragment of `owner`: `rules` are of its one chain; `keys` are shared among owners. */
function fragment(owner: string, rules: readonly string[], keys: readonly string[]): Fragment {
  const built = new FragmentBuilder();
  if (rules.length > 0) built.chains.set(`chain-${owner}`, rules);
  if (rules.includes("sticky")) built.sets.set(`set-${owner}`, "type ipv4_addr;");
  for (const it of keys) built.element("map", it, `goto chain-${owner}`);
  return built;
}

const step = fc.record({
  owner: fc.constantFrom("a", "b", "c"),
  rules: fc.subarray(["sticky", "one", "two"]),
  keys: fc.subarray(["x", "y", "z"]),
  gone: fc.boolean(),
  then: fc.constantFrom("take", "take", "wait", "fail"),
});

test("Ledger: any changes, taken at any time, lead to what a whole table would hold", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ledger = new Ledger();
      const table = new Table();
      const last = new Map<string, Fragment>();
      for (const { owner, rules, keys, gone, then } of steps) {
        const wanted = gone ? undefined : fragment(owner, rules, keys);
        ledger.put(owner, wanted);
        if (wanted === undefined) last.delete(owner);
        else last.set(owner, wanted);
        if (then === "fail") ledger.forget();
        if (then === "wait") continue;
        const change = ledger.take();
        if (change !== undefined) table.apply(change);
        const whole = new Ledger();
        for (const [name, it] of last) whole.put(name, it);
        const fresh = new Table();
        fresh.apply(whole.take() as TableChange);
        assert.deepEqual(table.content(), fresh.content());
        assert.equal(ledger.take(), undefined);
      }
    }),
  );
});

test("Ledger: a change touches what changed only", () => {
  const ledger = new Ledger();
  for (const it of ["a", "b"]) ledger.put(it, fragment(it, ["sticky"], [it]));
  ledger.take();
  ledger.put("a", fragment("a", ["one"], ["a", "c"]));
  ledger.put("b", fragment("b", ["sticky"], ["b"]));
  const change = ledger.take();
  assert.ok(change !== undefined);
  assert.equal(
    renderChange({ name: "t", base: "" }, change),
    [
      "flush chain ip t chain-a",
      "table ip t {",
      "chain chain-a {",
      "one",
      "}",
      "}",
      "add element ip t map { c : goto chain-a }",
      "delete set ip t set-a",
      "",
    ].join("\n"),
  );
});

test("renderChange: the whole table in one transaction, sets before who uses them", () => {
  const ledger = new Ledger();
  ledger.put("a", fragment("a", ["sticky"], ["x", "y"]));
  const text = renderChange({ name: "t", base: "\n  map map { }\n" }, ledger.take() as TableChange);
  assert.equal(
    text,
    [
      "table ip t",
      "delete table ip t",
      "table ip t {",
      "  map map { }",
      "}",
      "table ip t {",
      "set set-a { type ipv4_addr; }",
      "chain chain-a {",
      "sticky",
      "}",
      "}",
      "add element ip t map { x : goto chain-a, y : goto chain-a }",
      "",
    ].join("\n"),
  );
});
