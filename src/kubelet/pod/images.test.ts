import assert from "node:assert/strict";
import { test } from "node:test";
import { parseImageReference, pullPolicyOf } from "./image-reference.ts";
import { registryAuths } from "./registry-auth.ts";

const digest = `sha256:${"a".repeat(64)}`;
const references: [text: string, want: string | undefined][] = [
  ["busybox", "docker.io|library/busybox||"],
  ["busybox:1.36", "docker.io|library/busybox|1.36|"],
  ["team/app", "docker.io|team/app||"],
  ["localhost:5000/app:v1", "localhost:5000|app|v1|"],
  [`registry.example/a/b@${digest}`, `registry.example|a/b||${digest}`],
  ["Bad", undefined],
  ["app:", undefined],
  ["app@sha256:short", undefined],
  ["", undefined],
];

for (const [text, want] of references) {
  test(`parseImageReference: '${text}' -> ${String(want)}`, () => {
    const got = parseImageReference(text);
    const shown =
      got === undefined
        ? undefined
        : [got.host, got.path, got.tag ?? "", got.digest ?? ""].join("|");
    assert.equal(shown, want);
  });
}

const policies: [policy: string | undefined, image: string, want: string][] = [
  [undefined, "busybox", "Always"],
  [undefined, "busybox:latest", "Always"],
  [undefined, "busybox:1", "IfNotPresent"],
  [undefined, `busybox@${digest}`, "IfNotPresent"],
  ["Never", "busybox", "Never"],
];

for (const [policy, image, want] of policies) {
  test(`pullPolicyOf: ${policy ?? "-"} of ${image} -> ${want}`, () => {
    assert.equal(pullPolicyOf(policy, image), want);
  });
}

const secret = {
  data: {
    ".dockerconfigjson": btoa(
      JSON.stringify({
        auths: {
          "https://index.docker.io/v1/": { auth: btoa("hub:pass:word") },
          "registry.example": { username: "any", password: "p" },
          "registry.example/team": { username: "team", password: "p" },
          "*.wild.example": { identitytoken: "token" },
        },
      }),
    ),
  },
};
const auths: [image: string, want: string][] = [
  ["busybox", "hub:pass:word"],
  ["registry.example/other/app", "any:p"],
  ["registry.example/team/app", "team:p any:p"],
  ["eu.wild.example/app", "token"],
  ["unknown.example/app", ""],
];

for (const [image, want] of auths) {
  test(`registryAuths: ${image} -> ${want}`, () => {
    const reference = parseImageReference(image);
    assert.ok(reference !== undefined);
    const got = registryAuths([{}, { data: { ".dockerconfigjson": "?" } }, secret], reference);
    const shown = got.map((it) => it.identityToken ?? `${it.username}:${it.password}`);
    assert.equal(shown.join(" "), want);
  });
}
