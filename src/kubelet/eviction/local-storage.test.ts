import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { limitsLocalStorage, localStorageProblem } from "./local-storage.ts";

const kibibyte = 1024;
const volumes = [
  { name: "scratch", emptyDir: { sizeLimit: "10Ki" } },
  { name: "free", emptyDir: {} },
];
const limited = { resources: { limits: { "ephemeral-storage": "20Ki" } } };
const two = { containers: [containerOf("a", limited), containerOf("b", limited)] };

type Bytes = Record<string, number>;
const cases: [spec: Partial<PodSpec>, emptyDirs: Bytes, containers: Bytes, want: string][] = [
  [{}, { free: 999 }, { app: 999 }, ""],
  [{ volumes }, { scratch: 10, free: 999 }, { app: 999 }, ""],
  [
    { volumes },
    { scratch: 11 },
    {},
    'Usage of EmptyDir volume "scratch" exceeds the limit "10Ki". ',
  ],
  [two, {}, { a: 20, b: 20 }, ""],
  [two, {}, { a: 21 }, 'Container a exceeded its local ephemeral storage limit "20Ki". '],
  [
    { ...two, volumes },
    { free: 30 },
    { a: 11 },
    "Pod ephemeral local storage usage exceeds the total limit of containers 40Ki. ",
  ],
];

function scaled(bytes: Bytes): Map<string, number> {
  return new Map(Object.entries(bytes).map(([name, it]) => [name, it * kibibyte]));
}

for (const [spec, emptyDirs, containers, want] of cases) {
  test(`localStorageProblem: ${JSON.stringify([emptyDirs, containers])} -> '${want}'`, () => {
    const pod = podOf(spec);
    const usage = { emptyDirs: scaled(emptyDirs), containers: scaled(containers) };
    assert.equal(localStorageProblem(pod, usage) ?? "", want);
    assert.equal(limitsLocalStorage(pod), spec.volumes !== undefined || spec === two);
  });
}
