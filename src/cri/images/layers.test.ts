import assert from "node:assert/strict";
import { test } from "node:test";
import { chainIds, parseDiffIds, parseManifest } from "./layers.ts";

const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: "sha256:l", size: 1 };
const manifest = { config: { digest: "sha256:c" }, layers: [layer, { digest: 1 }] };
const index = {
  manifests: [
    { digest: "sha256:arm", platform: { os: "linux", architecture: "arm64" } },
    { digest: "sha256:windows", platform: { os: "windows", architecture: "amd64" } },
    { digest: "sha256:amd", platform: { os: "linux", architecture: "amd64" } },
  ],
};

const cases: [name: string, json: unknown, arch: string, want: unknown][] = [
  ["a manifest", manifest, "x64", { kind: "manifest", config: "sha256:c", layers: [layer] }],
  ["an index", index, "x64", { kind: "index", manifest: "sha256:amd" }],
  ["an index on arm", index, "arm64", { kind: "index", manifest: "sha256:arm" }],
  [
    "an index without platforms",
    { manifests: [{ digest: "sha256:only" }] },
    "x64",
    { kind: "index", manifest: "sha256:only" },
  ],
  ["nothing for us", index, "s390x", /no manifest for linux\/s390x/],
  ["no config", {}, "x64", /names no config/],
  ["no object", [], "x64", /no JSON object/],
];
for (const [name, json, arch, want] of cases) {
  test(`parseManifest: ${name}`, () => {
    if (want instanceof RegExp) assert.throws(() => parseManifest(json, arch), want);
    else assert.deepEqual(parseManifest(json, arch), want);
  });
}

test("parseDiffIds: those of the config, and none of what is no config", () => {
  assert.deepEqual(parseDiffIds({ rootfs: { diff_ids: ["a", 1, "b"] } }), ["a", "b"]);
  assert.deepEqual(parseDiffIds({}), []);
  assert.deepEqual(parseDiffIds("x"), []);
});

test("chainIds: each over those below it, as the specification's example", () => {
  assert.deepEqual(chainIds([]), []);
  assert.deepEqual(chainIds(["sha256:a"]), ["sha256:a"]);
  const [, second, third] = chainIds(["sha256:a", "sha256:b", "sha256:c"]);
  assert.equal(second, "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8");
  assert.notEqual(third, second);
});
