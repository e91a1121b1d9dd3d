import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { defaulted, strategyFor, testFaults, valueAt } from "#testing/kind-table.ts";
import { prepareApproval, validateApprovalUpdate } from "./rules.ts";

const context = { now: "2026-01-01T00:00:00Z" };
const approved = { type: "Approved", status: "True", reason: "x" };
const valid: JsonObject = {
  metadata: { name: "a" },
  spec: { request: "YQ==", signerName: "example.com/s", usages: ["client auth"], username: "u" },
};
const requests = strategyFor("certificates.k8s.io", "certificatesigningrequests");

testFaults("certificates.k8s.io", "certificatesigningrequests", valid, [
  ["spec.request", "", "Invalid spec.request"],
  ["spec.usages", [], "Required spec.usages"],
  ["spec.usages", ["x"], "NotSupported spec.usages[0]"],
  ["spec.usages", ["any", "any"], "Duplicate spec.usages[1]"],
  ["spec.signerName", "", "Required spec.signerName"],
  ["spec.signerName", "x", "Invalid spec.signerName ~ must be a fully qualified domain and path"],
  ["spec.signerName", "x/y", "Invalid spec.signerName ~ at least two segments separated by dots"],
  [
    "spec.signerName",
    "kubernetes.io/legacy-unknown",
    "Invalid spec.signerName ~ legacy signerName is not allowed",
  ],
  [
    "spec.expirationSeconds",
    599,
    "Invalid spec.expirationSeconds ~ may not specify a duration less than 600 seconds (10 minutes)",
  ],
]);

function withStatus(status: JsonObject): JsonObject {
  return { ...structuredClone(valid), status: structuredClone(status) };
}

test("/approval sets conditions, and nothing else", () => {
  const previous = withStatus({});
  const next = withStatus({ conditions: [approved], certificate: "YQ==" });
  prepareApproval(next, previous, context);
  assert.deepEqual(next["status"], {
    conditions: [{ ...approved, lastUpdateTime: context.now, lastTransitionTime: context.now }],
  });
  assert.deepEqual(validateApprovalUpdate(next, previous), []);
  const both = withStatus({ conditions: [approved, { type: "Denied", status: "True" }] });
  const [fault] = validateApprovalUpdate(both, previous);
  assert.match(fault?.message ?? "", /mutually exclusive/);
  const [removed] = validateApprovalUpdate(previous, next);
  assert.match(removed?.message ?? "", /updates may not remove a condition of type "Approved"/);
});

test("/status may sign, and may not approve", () => {
  const stamps = { lastUpdateTime: context.now, lastTransitionTime: context.now };
  const previous = withStatus({ conditions: [{ ...approved, ...stamps }] });
  const signed = withStatus({ conditions: [approved], certificate: "YQ==" });
  requests.prepareForStatusUpdate(signed, previous, context);
  assert.deepEqual(requests.validateStatusUpdate(signed, previous), []);
  const again = withStatus({ conditions: [{ ...approved, ...stamps }], certificate: "Yg==" });
  const [fault] = requests.validateStatusUpdate(again, signed);
  assert.match(fault?.message ?? "", /updates may not modify existing certificate content/);
  const [added] = requests.validateStatusUpdate(previous, withStatus({}));
  assert.match(added?.message ?? "", /updates may not add a condition of type "Approved"/);
});

test("the spec stays as it was made", () => {
  const next = defaulted(requests, { ...valid, spec: {} });
  requests.prepareForUpdate(next, valid, context);
  assert.equal(valueAt(next, "spec.username"), "u");
});

test("columns of a signing request", () => {
  const it = withStatus({ conditions: [approved], certificate: "YQ==" });
  assert.deepEqual(requests.cells(it, 0), [
    "a",
    "<unknown>",
    "example.com/s",
    "u",
    "<none>",
    "Approved,Issued",
  ]);
});
