import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenge, tokenUrl, type Challenge } from "./challenge.ts";

const docker: Challenge = {
  scheme: "bearer",
  realm: "https://auth.docker.io/token",
  service: "registry.docker.io",
  scope: "repository:library/busybox:pull",
};

const cases: [header: string, want: Challenge | undefined][] = [
  ['Basic realm="x"', { scheme: "basic" }],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/busybox:pull"',
    docker,
  ],
  [
    'bearer realm=https://a/token, service="a\\"b"',
    { scheme: "bearer", realm: "https://a/token", service: 'a"b', scope: undefined },
  ],
  ["Bearer", undefined],
  ["Negotiate abc", undefined],
  ["", undefined],
];

for (const [header, want] of cases) {
  test(`parseChallenge: ${header.slice(0, 50)}`, () => {
    assert.deepEqual(parseChallenge(header), want);
  });
}

test("tokenUrl: service and scope are parameters", () => {
  assert.equal(
    tokenUrl(docker, "repository:a:pull").href,
    "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Aa%3Apull",
  );
});
