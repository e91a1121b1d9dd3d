import assert from "node:assert/strict";
import { test } from "node:test";
import { canBuild, newestPatch, releasesToTry, suiteModule } from "./release.ts";

const choices: [versions: string, targeted: string, want: string][] = [
  ["v1.36.0 v1.36.4 v1.35.7 v1.37.0", "v1.36", "v1.36.4 v1.35.7"],
  ["v1.36.10 v1.36.9", "v1.36", "v1.36.10"],
  ["v1.36.0-rc.1 v1.35.1", "v1.36", "v1.35.1"],
  ["v1.37.0", "v1.36", ""],
];
for (const [versions, targeted, want] of choices) {
  test(`releasesToTry: ${versions} for ${targeted} -> ${want}`, () => {
    assert.equal(releasesToTry(versions.split(" "), targeted).join(" "), want);
  });
}

const patches: [versions: string, minor: string, want: string | undefined][] = [
  ["v0.33.3 v0.33.10 v0.34.11", "v0.33", "v0.33.10"],
  ["v0.33.0-rc.1 v0.33.2", "v0.33", "v0.33.2"],
  ["v0.34.11 v0.3.1", "v0.33", undefined],
];
for (const [versions, minor, want] of patches) {
  test(`newestPatch: ${versions} of ${minor} -> ${String(want)}`, () => {
    assert.equal(newestPatch(versions.split(" "), minor), want);
  });
}

const builders: [go: string, mod: string, want: boolean][] = [
  ["go1.26.8", "go 1.26.0\n", true],
  ["go1.26", "go 1.26.0\n", true],
  ["go1.25.9", "module x\n\ngo 1.26.0\n", false],
  ["go1.27.0", "go 1.26.3\n", true],
  ["go1.26.2", "go 1.26.3\n", false],
];
for (const [go, mod, want] of builders) {
  test(`canBuild: ${go} builds ${JSON.stringify(mod)} -> ${String(want)}`, () => {
    assert.equal(canBuild(go, mod), want);
  });
}

test("suiteModule: libraries beside Kubernetes come in their released versions", () => {
  const goMod = `module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	k8s.io/api v0.0.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	example.com/fork => example.com/other v1.0.0
)
`;
  assert.equal(
    suiteModule("v1.36.4", goMod),
    `module conformance

go 1.26.0

godebug default=go1.26

require k8s.io/kubernetes v1.36.4

replace (
	k8s.io/api => k8s.io/api v0.36.4
)
`,
  );
});
