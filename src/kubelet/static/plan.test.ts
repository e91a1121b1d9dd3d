import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { podOf } from "#testing/pod-fixtures.ts";
import { mirrorOf, staticPod } from "./manifest.ts";
import { planMirrors, planStaticPods } from "./plan.ts";

const place = { nodeName: "node-1", path: "/m/web.yaml" };
const manifest = `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: app, image: "busybox:1"}]}
`;

test("staticPod: has the API's defaults, the node's name and a uid of its content", () => {
  const { metadata, spec } = staticPod(manifest, place, hash);
  assert.equal(metadata?.name, "web-node-1");
  assert.equal(metadata.namespace, "default");
  assert.match(metadata.uid ?? "", /^hash-\d+$/);
  assert.deepEqual(metadata.annotations, {
    "kubernetes.io/config.hash": metadata.uid,
    "kubernetes.io/config.source": "file",
  });
  assert.equal(spec?.restartPolicy, "Always");
  assert.equal(spec.containers[0]?.imagePullPolicy, "IfNotPresent");
  assert.equal(spec.nodeName, "node-1");
  assert.deepEqual(spec.tolerations, [{ operator: "Exists", effect: "NoExecute" }]);
});

const wrong: [text: string, want: RegExp][] = [
  ["", /expected a Pod of apiVersion v1/],
  ["kind: Service\napiVersion: v1", /expected a Pod/],
  [`${manifest}---\n${manifest}`, /expected one pod, found several/],
  ["apiVersion: v1\nkind: Pod", /metadata.name: must be given/],
  ["apiVersion: v1\nkind: Pod\nmetadata: {name: a}", /^spec.containers: /],
];

for (const [text, want] of wrong) {
  test(`staticPod: ${JSON.stringify(text)} -> ${String(want)}`, () => {
    assert.throws(
      () => staticPod(text, place, hash),
      (error: Error) => want.test(error.message),
    );
  });
}

function hash(text: string): string {
  return `hash-${text.length}`;
}

function pod(name: string, uid: string, more: Pod["metadata"] = {}): Pod {
  return podOf({}, { name, uid, ...more });
}

const deleted = { deletionTimestamp: "1970-01-01T00:00:00Z" };
const shownBefore = mirrorOf(pod("a", "1"), "n");
const past = { ...shownBefore, metadata: { ...shownBefore.metadata, uid: "old" } };
const mirrors: [name: string, pods: Pod[], mirrors: Pod[], want: string][] = [
  ["new", [pod("a", "1")], [], "create a"],
  ["shown", [pod("a", "1")], [mirrorOf(pod("a", "1"), "n")], ""],
  ["changed", [pod("a", "2")], [mirrorOf(pod("a", "1"), "n")], "delete a"],
  ["gone", [], [mirrorOf(pod("a", "1"), "n")], "delete a"],
  ["deleted by a user", [pod("a", "1")], [mirrorOf(pod("a", "1", deleted), "n")], "delete a"],
  ["of an earlier life", [pod("a", "1")], [past], "delete a"],
  ["ends", [pod("a", "1", deleted)], [], ""],
];

for (const [name, pods, shown, want] of mirrors) {
  test(`planMirrors: ${name} -> '${want}'`, () => {
    const got = planMirrors(pods, shown, new Set(["old"])).map((it) => {
      const { metadata } = it.kind === "create" ? it.pod : it.mirror;
      return `${it.kind} ${metadata?.name ?? ""}`;
    });
    assert.equal(got.join(), want);
  });
}

test("planStaticPods: a changed manifest begins when the pod of the old one has ended", () => {
  const now = "2026-01-01T00:00:00Z";
  const show = (pods: ReadonlyMap<string, Pod>): string =>
    [...pods]
      .map(([uid, it]) => `${uid}${it.metadata?.deletionTimestamp === now ? "!" : ""}`)
      .join();
  const first = planStaticPods(new Map(), [pod("a", "1"), pod("b", "2")], now);
  assert.deepEqual([show(first.pods), first.changed], ["1,2", ["1", "2"]]);
  const changed = [pod("a", "3"), pod("b", "2")];
  const second = planStaticPods(first.pods, changed, now);
  assert.deepEqual([show(second.pods), second.changed], ["1!,2", ["1"]]);
  const ended = new Map([...second.pods].filter(([uid]) => uid !== "1"));
  const third = planStaticPods(ended, changed, now);
  assert.deepEqual([show(third.pods), third.changed], ["2,3", ["3"]]);
});
