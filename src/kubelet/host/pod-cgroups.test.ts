import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceRequirements } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { larger, podCgroupLimits, type PodCgroupLimits } from "./pod-cgroups.ts";

function limitsOf(...resources: ResourceRequirements[]): PodCgroupLimits {
  const containers = resources.map((it, index) => containerOf(`c${index}`, { resources: it }));
  return podCgroupLimits(podOf({ containers, overhead: { cpu: "10m", memory: "1Mi" } }));
}

function show({ cpuShares, cpuQuota, memoryLimitBytes }: PodCgroupLimits): string {
  return `${cpuShares} ${cpuQuota} ${memoryLimitBytes}`;
}

const mebibyte = 1024 * 1024;
const small = { limits: { cpu: "100m", memory: "10Mi" } };
const cases: [name: string, resources: ResourceRequirements[], want: string][] = [
  ["nothing", [{}], "10 -1 -1"],
  ["requests", [{ requests: { cpu: "1" } }], "1034 -1 -1"],
  ["limits of all", [small, small], `215 21000 ${21 * mebibyte}`],
  ["limits of one", [small, {}], "112 -1 -1"],
];

for (const [name, resources, want] of cases) {
  test(`podCgroupLimits: ${name}, with overhead -> ${want}`, () => {
    assert.equal(show(limitsOf(...resources)), want);
  });
}

test("podCgroupLimits: no less than the kernel takes", () => {
  const containers = [containerOf("c", { resources: { limits: { cpu: "5m" } } })];
  assert.equal(show(podCgroupLimits(podOf({ containers }))), "5 1000 -1");
});

test("larger: no limit is the largest", () => {
  assert.equal(show(larger(limitsOf(small), limitsOf({}))), "112 -1 -1");
  const more = { limits: { cpu: "50m", memory: "20Mi" } };
  assert.equal(show(larger(limitsOf(small), limitsOf(more))), `112 11000 ${21 * mebibyte}`);
});
