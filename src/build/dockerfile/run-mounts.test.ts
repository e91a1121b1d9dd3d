import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMount, type RunMount } from "./run-mounts.ts";

function expandValue(value: string): string {
  return value.replaceAll("$dir", "/src");
}

const mounts: readonly (readonly [given: string, want: Partial<RunMount>])[] = [
  ["target=/x", { type: "bind", target: "/x", readOnly: true }],
  [
    "type=bind,from=build,src=/a,dst=$dir/x,rw",
    { from: "build", source: "/a", target: "/src/x", readOnly: false },
  ],
  ["type=bind,target=/x,rw,ro", { readOnly: true }],
  ["type=bind,target=/x,readonly=false", { readOnly: false }],
  ["type=cache,target=/c", { type: "cache", readOnly: false, sharing: "shared", id: "" }],
  [
    "type=cache,id=n,target=/c,sharing=Locked,mode=0700,uid=1,gid=2",
    { id: "n", sharing: "locked", mode: 0o700, uid: 1, gid: 2 },
  ],
  ["type=tmpfs,target=/t,size=1.5g", { type: "tmpfs", readOnly: false, sizeBytes: 1_610_612_736 }],
  [
    "type=secret,id=key",
    { type: "secret", id: "key", target: "", required: false, env: undefined },
  ],
  ["type=secret,id=key,env=KEY,required", { env: "KEY", required: true }],
  ["type=ssh", { type: "ssh", id: "" }],
  ['type=cache,"target=/a,b"', { target: "/a,b" }],
];

for (const [given, want] of mounts) {
  test(`parseMount: ${given}`, () => {
    const mount: Partial<Record<string, unknown>> = { ...parseMount(given, expandValue) };
    const got = Object.fromEntries(Object.keys(want).map((it) => [it, mount[it]]));
    assert.deepEqual(got, want);
  });
}

const faults: readonly (readonly [given: string, want: RegExp])[] = [
  ["type=cash,target=/x", /unsupported mount type "cash" \(did you mean cache\?\)/],
  ["type=bind", /needs a target/],
  ["type=bind,target=/x,size=1", /unexpected key 'size' for mount type 'bind'/],
  ["type=bind,target=/x,mode=0700", /unexpected key 'mode' for mount type 'bind'/],
  ["type=cache,target=/x,required", /unexpected key 'required'/],
  ["type=cache,target=/x,sharing=all", /unsupported sharing value/],
  ["type=tmpfs,target=/x,sharing=shared", /invalid cache sharing/],
  ["type=tmpfs,target=/x,size=big", /invalid value for size/],
  ["type=cache,target=/x,mode=9", /invalid value 9 for mode/],
  ["type=cache,target=/x,ro=maybe", /expected true or false/],
  ["type=secret", /expected one of id, source, target/],
  ["type=secret,id=a,source=b", /both source and id/],
  ["type=secret,id=a,from=b", /should not have a from/],
  ["type=ssh,source=x", /ssh does not support source/],
];

for (const [given, want] of faults) {
  test(`parseMount: ${given} is refused`, () => {
    assert.throws(() => parseMount(given, expandValue), want);
  });
}
