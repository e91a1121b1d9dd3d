import assert from "node:assert/strict";
import { test } from "node:test";
import { advertisedChange } from "./advertised.ts";

type Amounts = Readonly<Record<string, string>>;

const cases: readonly [
  name: string,
  capacity: Amounts,
  allocatable: Amounts,
  want: Readonly<Record<string, string | null>> | undefined,
][] = [
  ["nothing advertised", { cpu: "4", "hugepages-2Mi": "0" }, { cpu: "3" }, undefined],
  ["new", { cpu: "4", "example.com/foo": "5" }, { cpu: "3" }, { "example.com/foo": "5" }],
  ["known", { "example.com/foo": "5" }, { "example.com/foo": "5" }, undefined],
  ["changed", { "example.com/foo": "6" }, { "example.com/foo": "5" }, { "example.com/foo": "6" }],
  ["gone", { cpu: "4" }, { cpu: "4", "example.com/foo": "5" }, { "example.com/foo": null }],
  ["Kubernetes' own", { "kubernetes.io/batch": "1" }, {}, undefined],
];

for (const [name, capacity, allocatable, want] of cases) {
  test(`advertisedChange: ${name}`, () => {
    assert.deepEqual(advertisedChange({ status: { capacity, allocatable } }), want);
  });
}
