import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultDetachKeys, DetachKeys, parseDetachKeys } from "./detach-keys.ts";

const cases: [typed: string[], passed: string, isComplete: boolean][] = [
  [["ls\r"], "ls\r", false],
  [["\x10\x11"], "", true],
  [["a\x10", "\x11b"], "a", true],
  [["\x10", "a"], "\x10a", false],
  [["\x10\x10\x11"], "\x10", true],
];

for (const [typed, passed, isComplete] of cases) {
  test(`DetachKeys: ${JSON.stringify(typed)}`, () => {
    const keys = new DetachKeys(defaultDetachKeys);
    let text = "";
    let done = false;
    for (const chunk of typed) {
      const taken = keys.take(Buffer.from(chunk));
      text += Buffer.from(taken.bytes).toString();
      done ||= taken.isComplete;
    }
    assert.deepEqual([text, done], [passed, isComplete]);
  });
}

test("DetachKeys: none means that everything is passed on", () => {
  const { bytes } = new DetachKeys([]).take(Buffer.from("\x10\x11"));
  assert.equal(Buffer.from(bytes).toString(), "\x10\x11");
});

test("parseDetachKeys: control keys and letters", () => {
  assert.deepEqual(parseDetachKeys("ctrl-p,ctrl-q"), defaultDetachKeys);
  assert.deepEqual(parseDetachKeys("ctrl-@,a"), [0, 97]);
  assert.throws(() => parseDetachKeys("ctrl-1"), /'ctrl-1' is no key/);
});
