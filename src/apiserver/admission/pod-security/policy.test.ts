import assert from "node:assert/strict";
import { test } from "node:test";
import { levelText, policyOf } from "./policy.ts";

type Labels = Record<string, string>;

/** `enforce audit warn` */
function read(labels: Labels | undefined): string {
  const { policy } = policyOf(prefixed(labels));
  return [policy.enforce, policy.audit, policy.warn].map(levelText).join(" ");
}

function prefixed(labels: Labels | undefined): Labels | undefined {
  if (labels === undefined) return undefined;
  const all = Object.entries(labels).map(([key, value]) => [
    `pod-security.kubernetes.io/${key}`,
    value,
  ]);
  return Object.fromEntries(all) as Labels;
}

const anything = "privileged:latest";
const cases: [what: string, labels: Labels | undefined, want: string][] = [
  ["no labels", undefined, `${anything} ${anything} ${anything}`],
  [
    "enforced is warned of",
    { enforce: "restricted" },
    `restricted:latest ${anything} restricted:latest`,
  ],
  [
    "in the version that is enforced",
    { enforce: "baseline", "enforce-version": "v1.30" },
    `baseline:v1.30 ${anything} baseline:v1.30`,
  ],
  [
    "unless a version of its own is asked for",
    { enforce: "baseline", "enforce-version": "v1.30", "warn-version": "v1.0" },
    `baseline:v1.30 ${anything} baseline:v1.0`,
  ],
  [
    "each mode for itself",
    { enforce: "privileged", audit: "baseline", warn: "restricted", "warn-version": "latest" },
    `privileged:latest baseline:latest restricted:latest`,
  ],
  [
    "a stated warning stays",
    { enforce: "restricted", warn: "privileged" },
    `restricted:latest ${anything} ${anything}`,
  ],
  [
    "what cannot be read enforces the most and warns of nothing",
    { enforce: "strict", audit: "x", warn: "y" },
    `restricted:latest ${anything} ${anything}`,
  ],
];

for (const [what, labels, want] of cases) {
  test(`policyOf: ${what} -> ${want}`, () => {
    assert.equal(read(labels), want);
  });
}

test("policyOf names each label that is wrong", () => {
  const { faults } = policyOf(prefixed({ enforce: "strict", "warn-version": "v2.1" }));
  assert.deepEqual(
    faults.map((it) => `${it.field}: ${it.message}`),
    [
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2.1": must be "latest" or "v1.x"',
    ],
  );
});
