import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";
import { admissionRequestTo } from "#testing/admission-request.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { limitRanges } from "./limit-ranges.ts";

const never = new AbortController().signal;
const objects = new ObjectFixture([
  {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "r", namespace: "n" },
    spec: {
      limits: [
        {
          type: "Container",
          max: { cpu: "1" },
          default: { cpu: "1" },
          defaultRequest: { cpu: "1" },
        },
        { type: "PersistentVolumeClaim", max: { storage: "1Gi" } },
      ],
    },
  },
]);

function pod(cpu?: string): JsonObject {
  const resources = cpu === undefined ? {} : { limits: { cpu }, requests: { cpu } };
  return { metadata: { name: "p" }, spec: { containers: [{ name: "c", resources }] } };
}

function claim(storage: string): JsonObject {
  return { metadata: { name: "c" }, spec: { resources: { requests: { storage } } } };
}

async function send(to: string, object: JsonObject, given: Partial<AdmissionRequest> = {}) {
  const request = admissionRequestTo(to, { ...given, object: structuredClone(object) });
  const rule = limitRanges(objects);
  await rule.mutate?.(request, never);
  try {
    await rule.validate?.(request, never);
    return request.object?.["spec"];
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error.message;
  }
}

const going = { metadata: { deletionTimestamp: "2020-01-01T00:00:00Z" } };
const podRefused = 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2';
const claimRefused =
  'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi';
const cases: [string, string, JsonObject, Partial<AdmissionRequest>, string | undefined][] = [
  ["a pod that fits", "pods", pod("1"), {}, undefined],
  ["a pod that does not", "pods", pod("2"), {}, podRefused],
  ["another namespace", "pods", pod("2"), { namespace: "m" }, undefined],
  ["an update of a pod", "pods", pod("2"), { operation: "UPDATE", previous: {} }, undefined],
  ["a resize", "pods/resize", pod("2"), { operation: "UPDATE", previous: {} }, podRefused],
  ["another subresource", "pods/status", pod("2"), { operation: "UPDATE" }, undefined],
  ["a claim that does not", "persistentvolumeclaims", claim("2Gi"), {}, claimRefused],
  [
    "a claim that grows",
    "persistentvolumeclaims",
    claim("2Gi"),
    { operation: "UPDATE", previous: {} },
    claimRefused,
  ],
  [
    "a claim that is going",
    "persistentvolumeclaims",
    claim("2Gi"),
    { operation: "UPDATE", previous: going },
    undefined,
  ],
  ["another kind", "configmaps", {}, {}, undefined],
];

for (const [what, to, object, given, want] of cases) {
  test(`limitRanges: ${what} -> ${want ?? "allowed"}`, async () => {
    const got = await send(to, object, given);
    if (want !== undefined) assert.equal(got, want);
    else assert.notEqual(typeof got, "string");
  });
}

test("limitRanges: a pod gets the defaults of its namespace", async () => {
  assert.deepEqual(await send("pods", pod()), {
    containers: [{ name: "c", resources: { limits: { cpu: "1" }, requests: { cpu: "1" } } }],
  });
});
