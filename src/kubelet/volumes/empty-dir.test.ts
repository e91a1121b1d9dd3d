import assert from "node:assert/strict";
import { test } from "node:test";
import { podOf } from "#testing/pod-fixtures.ts";
import { memorySize, setUpEmptyDir } from "./empty-dir.ts";

const cases: [
  limit: string | undefined,
  pod: number | undefined,
  node: number | undefined,
  want: number | undefined,
][] = [
  [undefined, undefined, undefined, undefined],
  [undefined, undefined, 100, 100],
  [undefined, 50, 100, 50],
  ["20", 50, 100, 20],
  ["1Ki", 50, 100, 50],
  ["0", undefined, 100, 100],
];
for (const [limit, pod, node, want] of cases) {
  test(`memorySize: limit ${limit ?? "-"}, pod ${pod ?? "-"}, node ${node ?? "-"}`, () => {
    assert.equal(memorySize(limit, pod, node), want);
  });
}

test("setUpEmptyDir: a medium that the node has not", async () => {
  const place = {
    path: "/nowhere",
    mounter: undefined,
    canChown: false,
    nodeMemoryBytes: undefined,
  };
  await assert.rejects(
    setUpEmptyDir(podOf({}), { medium: "HugePages" }, place, new AbortController().signal),
    /emptyDir on medium "HugePages" is not supported on this node/,
  );
});
