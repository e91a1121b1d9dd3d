import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOwner, resolveProcessUser } from "./user.ts";

const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n",
  group: "root:x:0:\napp:x:1001:\naudio:x:29:app,root\nvideo:x:44:app\n",
};

const users: readonly (readonly [
  text: string,
  uid: number,
  gid: number,
  more: readonly number[],
])[] = [
  ["", 0, 0, [29]],
  ["app", 1000, 1001, [29, 44]],
  ["1000", 1000, 1001, [29, 44]],
  ["app:video", 1000, 44, []],
  ["app:7", 1000, 7, []],
  ["5:6", 5, 6, []],
  ["5", 5, 0, []],
];

for (const [text, uid, gid, additionalGids] of users) {
  test(`resolveProcessUser: '${text}'`, () => {
    assert.deepEqual(resolveProcessUser(text, accounts), { uid, gid, additionalGids });
  });
}

const owners: readonly (readonly [text: string, uid: number, gid: number])[] = [
  ["app", 1000, 1001],
  ["app:audio", 1000, 29],
  ["7", 7, 7],
  ["7:8", 7, 8],
  [":audio", 0, 29],
];

for (const [text, uid, gid] of owners) {
  test(`resolveOwner: '${text}'`, () => {
    assert.deepEqual(resolveOwner(text, accounts), { uid, gid });
  });
}

for (const text of ["nobody", "app:nogroup"]) {
  test(`resolveOwner and resolveProcessUser: '${text}' is unknown`, () => {
    assert.throws(() => resolveOwner(text, accounts), /unable to find/);
    assert.throws(() => resolveProcessUser(text, accounts), /unable to find/);
  });
}
