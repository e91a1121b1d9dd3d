import assert from "node:assert/strict";
import { test } from "node:test";
import { processSpec } from "./process-spec.ts";

const first = {
  user: { uid: 0, gid: 0 },
  args: ["sleep"],
  env: ["PATH=/bin", "A=1"],
  cwd: "/app",
  capabilities: { bounding: ["CAP_KILL"] },
  noNewPrivileges: true,
};
const accounts = {
  passwd: "root:x:0:0::/root:\nweb:x:33:34::/srv:\n",
  group: "web:x:34:\nmail:x:8:web\n",
};
const node = { accounts, capabilities: ["CAP_KILL", "CAP_SYS_ADMIN"] };
const asked = {
  user: undefined,
  workdir: undefined,
  env: [],
  privileged: false,
  command: ["id"],
  tty: false,
};

test("processSpec: as the first process, where nothing is said", () => {
  assert.deepEqual(processSpec(first, asked, node), {
    ...first,
    args: ["id"],
    terminal: false,
  });
});

for (const [user, want] of [
  ["web", { uid: 33, gid: 34, additionalGids: [8] }],
  ["web:mail", { uid: 33, gid: 8, additionalGids: [] }],
  ["7", { uid: 7, gid: 0, additionalGids: [] }],
] as const) {
  test(`processSpec: --user ${user} keeps the container's rights`, () => {
    const spec = processSpec(first, { ...asked, user }, node);
    assert.deepEqual(spec["user"], want);
    assert.deepEqual(spec["capabilities"], first.capabilities);
    assert.equal(spec["noNewPrivileges"], true);
  });
}

test("processSpec: a user that is not there", () => {
  assert.throws(
    () => processSpec(first, { ...asked, user: "nobody" }, node),
    /unable to find user nobody/,
  );
});

test("processSpec: variables, a directory and a terminal", () => {
  const spec = processSpec(
    first,
    { ...asked, env: ["A=2", "B=3"], workdir: "/tmp", tty: true },
    node,
  );
  assert.deepEqual(spec.env, ["PATH=/bin", "A=2", "TERM=xterm", "B=3"]);
  assert.deepEqual([spec.cwd, spec["terminal"]], ["/tmp", true]);
});

test("processSpec: privileged has every capability", () => {
  const spec = processSpec(first, { ...asked, privileged: true }, node);
  assert.match(JSON.stringify(spec["capabilities"]), /"effective":.*CAP_SYS_ADMIN/);
  assert.equal(spec["noNewPrivileges"], false);
});
