import assert from "node:assert/strict";
import { test } from "node:test";
import { addMirror, mirrorArguments, type MirroredRegistry } from "./mirror-options.ts";

const cases: readonly (readonly [text: string, want: MirroredRegistry | undefined])[] = [
  ["docker.io", { domain: "docker.io", source: "docker.io", isInsecure: false }],
  ["docker.io=hub:5000", { domain: "docker.io", source: "hub:5000", isInsecure: false }],
  ["docker.io=https://hub.lan", { domain: "docker.io", source: "hub.lan", isInsecure: false }],
  ["r.lan:5000=http://hub:80", { domain: "r.lan:5000", source: "hub:80", isInsecure: true }],
  ["localhost", { domain: "localhost", source: "localhost", isInsecure: false }],
  ["library", undefined],
  ["docker.io/library", undefined],
  ["docker.io=", undefined],
  ["=hub:5000", undefined],
  ["http://docker.io", undefined],
];

for (const [text, want] of cases) {
  test(`--registry-mirror ${text}`, () => {
    if (want === undefined) assert.throws(() => addMirror(text, []), /expected a registry/);
    else assert.deepEqual(addMirror(text, []), [want]);
  });
}

test("--registry-mirror: several are kept and passed on, each once", () => {
  const both = addMirror("r.lan=http://hub:80", addMirror("docker.io", []));
  const passed = mirrorArguments(both).filter((it) => it !== "--registry-mirror");
  let again: MirroredRegistry[] = [];
  for (const it of passed) again = addMirror(it, again);
  assert.deepEqual(again, both);
  assert.throws(() => addMirror("docker.io=hub:1", both), /has a mirror already/);
});
