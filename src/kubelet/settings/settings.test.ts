import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";
import { defaultSettings, parseSettings } from "./settings.ts";

const durations: [text: string, want: number | undefined][] = [
  ["0", 0],
  ["0s", 0],
  ["90s", 90_000],
  ["1h1m1s1ms", 3_661_001],
  ["1.5m", 90_000],
  ["", undefined],
  ["5", undefined],
  ["s", undefined],
  ["-1s", undefined],
];

for (const [text, want] of durations) {
  test(`parseDuration: '${text}' -> ${String(want)}`, () => {
    assert.equal(parseDuration(text), want);
  });
}

const head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

test("parseSettings: an empty file is upstream's defaults", () => {
  assert.deepEqual(parseSettings(""), defaultSettings);
  assert.deepEqual(parseSettings(head), defaultSettings);
});

test("parseSettings: every field", () => {
  const got = parseSettings(
    `${head}evictionHard: {memory.available: 1Gi}
evictionSoft: {nodefs.available: 20%}
evictionSoftGracePeriod: {nodefs.available: 1m}
evictionPressureTransitionPeriod: 30s
evictionMaxPodGracePeriod: 60
imageGCHighThresholdPercent: 70
imageGCLowThresholdPercent: 60
imageMinimumGCAge: 1m
imageMaximumGCAge: 24h
shutdownGracePeriod: 30s
shutdownGracePeriodCriticalPods: 10s
staticPodPath: /etc/manifests
maxPods: 20
`,
  );
  assert.deepEqual(got, {
    eviction: {
      thresholds: [
        { signal: "memory.available", value: { kind: "amount", amount: 1024 ** 3 }, graceMs: 0 },
        { signal: "nodefs.available", value: { kind: "share", share: 0.2 }, graceMs: 60_000 },
      ],
      transitionMs: 30_000,
      softGraceSecondsMax: 60,
    },
    images: { highPercent: 70, lowPercent: 60, ageMinMs: 60_000, ageMaxMs: 86_400_000 },
    shutdown: { graceMs: 30_000, criticalMs: 10_000 },
    staticPodPath: "/etc/manifests",
    podsMax: 20,
  });
});

const wrong: [text: string, want: RegExp][] = [
  ["kind: KubeletConfiguration", /^apiVersion: expected kubelet.config.k8s.io\/v1beta1$/],
  [`${head}maxpods: 1`, /^maxpods: is not a field that this node knows$/],
  [`${head}maxPods: many`, /^maxPods: expected a whole number/],
  [`${head}shutdownGracePeriod: soon`, /^shutdownGracePeriod: expected a duration/],
  [`${head}shutdownGracePeriodCriticalPods: 1s`, /must be within shutdownGracePeriod/],
  [`${head}imageGCHighThresholdPercent: 10`, /must be below imageGCHighThresholdPercent/],
  [`${head}evictionHard: {disk: 10%}`, /"disk" is none of/],
  ["- a", /expected a KubeletConfiguration/],
];

for (const [text, want] of wrong) {
  test(`parseSettings: ${JSON.stringify(text)} -> ${String(want)}`, () => {
    assert.throws(
      () => parseSettings(text),
      (error: Error) => want.test(error.message),
    );
  });
}
