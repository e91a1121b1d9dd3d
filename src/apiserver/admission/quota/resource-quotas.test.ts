import assert from "node:assert/strict";
import { test } from "node:test";
import { childObject, type JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { AdmissionRequest, AdmissionRule } from "#apiserver/contract.ts";
import { FakeClock } from "#base/clock.ts";
import { admissionRequestTo } from "#testing/admission-request.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { resourceQuotas } from "./resource-quotas.ts";

const never = new AbortController().signal;

interface Server {
  readonly objects: ObjectFixture;
  readonly rule: AdmissionRule;
}

function setUp(): Server {
  const hard: JsonObject = { pods: "1", services: "2", "requests.cpu": "1", secrets: "0" };
  const used: JsonObject = { pods: "0", services: "2", "requests.cpu": "0", secrets: "0" };
  const objects = new ObjectFixture([
    {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q", namespace: "n" },
      status: { hard, used },
    },
  ]);
  return { objects, rule: resourceQuotas(objects, objects, new FakeClock()) };
}

function usedOf(objects: ObjectFixture): JsonObject {
  const status = childObject(objects.get("resourcequotas", "", "n", "q"), "status");
  return childObject(status, "used") ?? {};
}

function pod(cpu: string): JsonObject {
  const resources = { requests: { cpu } };
  return { metadata: { name: "p" }, spec: { containers: [{ name: "c", resources }] } };
}

async function send(
  { rule }: Server,
  to: string,
  object: JsonObject | undefined,
  given: Partial<AdmissionRequest> = {},
): Promise<string> {
  const request = admissionRequestTo(to, { ...given, object });
  try {
    await rule.validate?.(request, never);
    return "ok";
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return `${error.code} ${error.message}`;
  }
}

const update = { operation: "UPDATE" } as const;
const tooMuch =
  '403 pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=1500m, used: requests.cpu=0, limited: requests.cpu=1';
const cases: [
  what: string,
  to: string,
  object: JsonObject | undefined,
  given: Partial<AdmissionRequest>,
  want: string | RegExp,
][] = [
  ["room", "pods", pod("1"), {}, "ok"],
  ["no room", "pods", pod("1500m"), {}, tooMuch],
  ["no room, in a dry run", "pods", pod("1500m"), { dryRun: true }, tooMuch],
  ["a namespace without quotas", "pods", pod("9"), { namespace: "m" }, "ok"],
  ["a short name", "secrets", { metadata: { name: "s" } }, {}, /^403 secrets "s".*secrets=1/],
  ["what no quota counts", "configmaps", { metadata: { name: "s" } }, {}, "ok"],
  ["an eviction", "pods/eviction", {}, { previous: pod("1") }, "ok"],
  ["a deletion", "pods", undefined, { operation: "DELETE", previous: pod("1") }, "ok"],
  ["an update of a pod", "pods", pod("9"), { ...update, previous: pod("9") }, "ok"],
  ["a status", "pods/status", pod("9"), { ...update, previous: pod("1") }, "ok"],
  ["a resize", "pods/resize", pod("1600m"), { ...update, previous: pod("100m") }, tooMuch],
  ["the quota's own status", "resourcequotas/status", {}, { ...update, previous: {} }, "ok"],
];

for (const [what, to, object, given, want] of cases) {
  test(`resourceQuotas: ${what} -> ${String(want)}`, async () => {
    const got = await send(setUp(), to, object, given);
    if (typeof want === "string") assert.equal(got, want);
    else assert.match(got, want);
  });
}

test("resourceQuotas: an update that has to be tried again is charged once", async () => {
  const server = setUp();
  const write = {};
  const given = { ...update, previous: pod("100m"), write };
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal(await send(server, "pods/resize", pod("700m"), given), "ok");
  }
  assert.equal(usedOf(server.objects)["requests.cpu"], "600m");
  const other = { ...given, write: {} };
  assert.match(await send(server, "pods/resize", pod("700m"), other), /exceeded quota: q/);
});
