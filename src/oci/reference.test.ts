import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  familiarReference,
  formatReference,
  isRepositoryName,
  isRepositoryPath,
  parseReference,
} from "./reference.ts";

const sha = `sha256:${"a".repeat(64)}`;

const good: [text: string, full: string, familiar: string][] = [
  ["nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"],
  ["library/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["team/app", "docker.io/team/app:latest", "team/app:latest"],
  ["docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app:2", "localhost:5000/app:2", "localhost:5000/app:2"],
  ["127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest", "127.0.0.1:5000/a/b:latest"],
  ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
  ["ghcr.io/o/p__q--r.s", "ghcr.io/o/p__q--r.s:latest", "ghcr.io/o/p__q--r.s:latest"],
  ["Reg/app", "Reg/app:latest", "Reg/app:latest"],
  [`nginx@${sha}`, `docker.io/library/nginx@${sha}`, `nginx@${sha}`],
  [`nginx:1@${sha}`, `docker.io/library/nginx:1@${sha}`, `nginx:1@${sha}`],
  ["a:_x.y-z", "docker.io/library/a:_x.y-z", "a:_x.y-z"],
];

for (const [text, full, familiar] of good) {
  test(`parseReference: ${text.slice(0, 40)} -> ${full.slice(0, 50)}`, () => {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), full);
    assert.equal(familiarReference(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
    assert.deepEqual(parseReference(familiar), reference);
  });
}

const bad: [text: string, message: RegExp][] = [
  ["", /invalid reference format/],
  ["Nginx", /must be lowercase/],
  ["docker.io/Team/app", /must be lowercase/],
  ["a//b", /invalid reference format/],
  ["/a", /invalid reference format/],
  ["a/", /invalid reference format/],
  ["a/../b", /invalid reference format/],
  ["../etc/passwd", /invalid reference format/],
  ["a:", /invalid reference format/],
  [`a:${"x".repeat(129)}`, /invalid reference format/],
  ["a:-x", /invalid reference format/],
  ["a@sha256:abc", /invalid reference format/],
  [`a@md5:${"a".repeat(32)}`, /invalid reference format/],
  ["a..b", /invalid reference format/],
  ["a b", /invalid reference format/],
  ["ä", /invalid reference format/],
  ["a".repeat(64), /64-byte hexadecimal/],
  [`x${"a".repeat(255)}`, /more than 255/],
];

for (const [text, message] of bad) {
  test(`parseReference: '${text.slice(0, 40)}' is refused`, () => {
    assert.throws(() => parseReference(text), message);
  });
}

const names: [name: string, path: boolean, name: boolean][] = [
  ["library/app", true, true],
  ["docker.io/library/app", true, true],
  ["localhost:5000/app", false, true],
  ["a/../b", false, false],
  ["..", false, false],
  ["", false, false],
  ["A/b", false, true],
  [`a|b`, false, false],
];

for (const [name, isPath, isName] of names) {
  test(`isRepositoryName: '${name}'`, () => {
    assert.deepEqual([isRepositoryPath(name), isRepositoryName(name)], [isPath, isName]);
  });
}

test("parseReference: whatever it accepts means the same when written out", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,5}([._-][a-z0-9]{1,3})?$/);
  const text = fc
    .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.option(part))
    .map(([parts, tag]) => `${parts.join("/")}${tag === null ? "" : `:${tag}`}`);
  fc.assert(
    fc.property(text, (it) => {
      const once = formatReference(parseReference(it));
      assert.equal(formatReference(parseReference(once)), once);
    }),
  );
});
