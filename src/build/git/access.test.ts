import assert from "node:assert/strict";
import { test } from "node:test";
import { accessEnvironment, withoutPasswords, type GitAccess } from "./access.ts";

function accessOf(secrets: Readonly<Record<string, string>>, sshSocket?: string): GitAccess {
  const entries = Object.entries(secrets).map(
    ([id, text]) => [id, () => Promise.resolve(Buffer.from(text))] as const,
  );
  return { secrets: new Map(entries), sshSocket, knownHosts: "/home/a/known hosts" };
}

/** `x-access-token:t` in base64. */
const basic = "basic eC1hY2Nlc3MtdG9rZW46dA==";
const cases: readonly (readonly [
  secrets: Readonly<Record<string, string>>,
  remote: string,
  scope: string,
  want: string | undefined,
])[] = [
  [{}, "https://h/x.git", "", undefined],
  [{ GIT_AUTH_TOKEN: "t\n" }, "https://h/x.git", "https://h/x.git", basic],
  [{ GIT_AUTH_HEADER: "bearer b" }, "https://h/x.git", "https://h/x.git", "bearer b"],
  [{ GIT_AUTH_HEADER: "b", GIT_AUTH_TOKEN: "t" }, "http://h/x.git", "http://h/x.git", "b"],
  [
    { GIT_AUTH_HEADER: "b", "GIT_AUTH_TOKEN.h:81": "t" },
    "http://h:81/x.git",
    "http://h:81/x.git",
    basic,
  ],
  [{ "GIT_AUTH_TOKEN.other": "t" }, "https://h/x.git", "", undefined],
  [{ GIT_AUTH_TOKEN: "t" }, "https://github.com/a/x.git", "https://github.com/", basic],
];

for (const [secrets, remote, scope, want] of cases) {
  test(`accessEnvironment: ${Object.keys(secrets).join(", ")} for ${remote}`, async () => {
    const got = await accessEnvironment(remote, accessOf(secrets), "/s/hosts");
    const wanted = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${scope}.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: ${want ?? ""}`,
    };
    assert.deepEqual(got, want === undefined ? {} : wanted);
  });
}

test("accessEnvironment: ssh has the agent, and no token", async () => {
  const access = accessOf({ GIT_AUTH_TOKEN: "t" }, "/agent");
  assert.deepEqual(await accessEnvironment("git@h:x.git", access, "/s/hosts"), {
    GIT_SSH_COMMAND:
      "ssh -F /dev/null -o 'BatchMode=yes' -o 'StrictHostKeyChecking=accept-new' -o 'UserKnownHostsFile=\"/s/hosts\" \"/home/a/known hosts\"'",
    SSH_AUTH_SOCK: "/agent",
  });
});

test("withoutPasswords: addresses keep the rest", () => {
  const given = "git fetch of https://ann:s3cret@h/x.git: unable to access 'https://ann:s@h/'";
  const want = "git fetch of https://ann:xxxxx@h/x.git: unable to access 'https://ann:xxxxx@h/'";
  assert.equal(withoutPasswords(given), want);
});
