import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCacheFrom, parseCacheTo } from "./cache-options.ts";

const plain = { all: false, ignoreError: false };
const given: readonly (readonly [got: unknown, want: unknown])[] = [
  [parseCacheFrom("team/app:cache"), { type: "registry", reference: "team/app:cache" }],
  [parseCacheFrom("type=registry,ref=r/a"), { type: "registry", reference: "r/a" }],
  [parseCacheFrom("type=local,src=/c"), { type: "local", directory: "/c", wanted: undefined }],
  [parseCacheFrom("type=local,src=/c,tag=t"), { type: "local", directory: "/c", wanted: "t" }],
  [parseCacheTo("r/a"), { type: "registry", destination: "r/a", ...plain }],
  [parseCacheTo("type=inline"), { type: "inline", destination: "", ...plain }],
  [
    parseCacheTo("type=local,dest=/c,mode=max,ignore-error=true"),
    { type: "local", destination: "/c", all: true, ignoreError: true },
  ],
];

for (const [index, [got, want]] of given.entries()) {
  test(`parseCacheFrom, parseCacheTo: case ${index}`, () => {
    assert.deepEqual(got, want);
  });
}

const faults: readonly (readonly [read: () => unknown, want: RegExp])[] = [
  [() => parseCacheFrom("type=gha"), /expected type= one of registry, local/],
  [() => parseCacheFrom("type=registry"), /expected ref=/],
  [() => parseCacheFrom("type=local"), /expected src=/],
  [() => parseCacheTo("type=s3,bucket=b"), /expected type= one of registry, local, inline/],
  [() => parseCacheTo("type=local"), /expected dest=/],
  [() => parseCacheTo("type=local,dest=/c,mode=mid"), /expected mode=min or mode=max/],
  [() => parseCacheTo("type=inline,mode=max"), /expected mode=min/],
];

for (const [read, want] of faults) {
  test(`parseCacheFrom, parseCacheTo: refused: ${want.source}`, () => {
    assert.throws(read, want);
  });
}
