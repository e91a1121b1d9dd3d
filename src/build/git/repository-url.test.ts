import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRepositoryUrl, type RepositoryUrl } from "./repository-url.ts";

const remote = "https://host/x.git";
const plain: RepositoryUrl = {
  remote,
  ref: "",
  directory: "",
  checksum: "",
  keepGitDir: undefined,
  submodules: true,
};

const cases: readonly (readonly [rest: string, want: Partial<RepositoryUrl>])[] = [
  ["", {}],
  ["#main", { ref: "main" }],
  ["#:sub/dir", { directory: "sub/dir" }],
  ["#v1:sub", { ref: "v1", directory: "sub" }],
  ["?ref=v1&subdir=a%20b", { ref: "v1", directory: "a b" }],
  ["?branch=main", { ref: "refs/heads/main" }],
  ["?tag=v1&checksum=abc123", { ref: "refs/tags/v1", checksum: "abc123" }],
  ["?commit=abc123&keep-git-dir", { checksum: "abc123", keepGitDir: true }],
  ["?keep-git-dir=false&submodules=0", { keepGitDir: false, submodules: false }],
  ["?ref=v1#v1", { ref: "v1" }],
];

for (const [rest, want] of cases) {
  test(`parseRepositoryUrl: ${remote}${rest}`, () => {
    assert.deepEqual(parseRepositoryUrl(`${remote}${rest}`), { ...plain, ...want });
  });
}

test("parseRepositoryUrl: a path of ssh is no directory of the repository", () => {
  const parsed = parseRepositoryUrl("git@host:team/x.git#main:sub");
  assert.deepEqual(parsed, {
    ...plain,
    remote: "git@host:team/x.git",
    ref: "main",
    directory: "sub",
  });
});

test("parseRepositoryUrl: refuses what says two things, or what nobody knows", () => {
  assert.throws(() => parseRepositoryUrl(`${remote}?tag=a&branch=b`), /more than one ref/);
  assert.throws(() => parseRepositoryUrl(`${remote}?ref=a#b`), /more than one ref/);
  assert.throws(() => parseRepositoryUrl(`${remote}?depth=3`), /unexpected query 'depth'/);
});
