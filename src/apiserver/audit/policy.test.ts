import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestInfo } from "#apiserver/request-info.ts";
import { anyRequest, defaultPolicy, recordingOf, stages, type PolicyRule } from "./policy.ts";

const rule = { ...anyRequest, level: "Metadata" } as const;

function user(
  name: string,
  ...groups: readonly string[]
): NonNullable<Parameters<typeof recordingOf>[2]> {
  return { name, uid: "", groups, extra: {} };
}

function in_(group: string, resources: string[], ...resourceNames: string[]): Partial<PolicyRule> {
  return { resources: [{ group, resources, resourceNames }] };
}

const jane = user("jane", "dev", "system:authenticated");
const n = "/api/v1/namespaces/n";

type Case = [request: string, given: Partial<PolicyRule>, wants: boolean];

const cases: Case[] = [
  [`GET ${n}/pods`, {}, true],
  [`GET ${n}/pods`, { users: ["jane"] }, true],
  [`GET ${n}/pods`, { users: ["john"] }, false],
  [`GET ${n}/pods`, { userGroups: ["ops", "dev"] }, true],
  [`GET ${n}/pods`, { userGroups: ["ops"] }, false],
  [`GET ${n}/pods`, { verbs: ["list"] }, true],
  [`GET ${n}/pods?watch=1`, { verbs: ["list"] }, false],
  [`GET ${n}/pods`, { namespaces: ["n"] }, true],
  [`GET ${n}/pods`, { namespaces: ["m"] }, false],
  ["GET /api/v1/nodes", { namespaces: [""] }, true],
  ["GET /healthz", { namespaces: [""] }, false],
  [`GET ${n}/pods`, in_("", ["pods"]), true],
  [`GET ${n}/pods`, in_("", []), true],
  [`GET ${n}/pods`, in_("apps", []), false],
  [`GET ${n}/pods`, in_("*", ["pods"]), true],
  [`GET ${n}/pods/p`, in_("", ["pods"], "p"), true],
  [`GET ${n}/pods/p`, in_("", ["pods"], "q"), false],
  [`GET ${n}/pods/p/log`, in_("", ["pods"]), false],
  [`GET ${n}/pods/p/log`, in_("", ["pods/log"]), true],
  [`GET ${n}/pods/p/log`, in_("", ["pods/*"]), true],
  [`GET ${n}/pods/p/log`, in_("", ["*/log"]), true],
  [`GET ${n}/pods/p/log`, in_("", ["*"]), true],
  [`GET ${n}/pods`, in_("", ["pods/*"]), true],
  [`GET ${n}/pods`, { nonResourceURLs: ["*"] }, false],
  ["GET /healthz/ping", { nonResourceURLs: ["/healthz*"] }, true],
  ["GET /healthz/ping", { nonResourceURLs: ["/healthz"] }, false],
  ["GET /metrics", { nonResourceURLs: ["/version", "/metrics"] }, true],
];

for (const [request, given, wants] of cases) {
  test(`${request} ${wants ? "is" : "is not"} recorded by ${JSON.stringify(given)}`, () => {
    const rules = [{ ...rule, ...given }];
    const policy = { rules, omitStages: [], omitManagedFields: false };
    const { level } = recordingOf(policy, infoOf(request), jane);
    assert.equal(level, wants ? "Metadata" : "None");
  });
}

test("the first rule that matches decides, with the stages and fields of the policy", () => {
  const policy = {
    rules: [
      { ...rule, level: "None" as const, verbs: ["watch"] },
      { ...rule, level: "Request" as const, omitStages: ["Panic" as const] },
      { ...rule, omitManagedFields: false },
    ],
    omitStages: ["RequestReceived" as const],
    omitManagedFields: true,
  };
  const found = recordingOf(policy, infoOf(`GET ${n}/pods`), jane);
  assert.deepEqual([found.level, found.omitsManagedFields], ["Request", true]);
  assert.deepEqual(
    stages.filter((it) => !found.omits(it)),
    ["ResponseStarted", "ResponseComplete"],
  );
  assert.equal(recordingOf(policy, infoOf(`GET ${n}/pods?watch=1`), jane).level, "None");
  const last = { ...policy, rules: [{ ...rule, omitManagedFields: false }] };
  assert.equal(recordingOf(last, infoOf(`GET ${n}/pods`), undefined).omitsManagedFields, false);
});

test("without a policy it is written down who did what, and not what the system reads", () => {
  const kubelet = user("system:node:a", "system:nodes", "system:authenticated");
  const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a";
  const wants: [request: string, by: ReturnType<typeof user> | undefined, level: string][] = [
    [`GET ${n}/secrets`, jane, "Metadata"],
    [`POST ${n}/secrets`, jane, "Metadata"],
    [`GET ${n}/pods`, undefined, "Metadata"],
    ["GET /readyz/etcd", jane, "None"],
    [`GET ${n}/pods`, kubelet, "None"],
    [`PATCH ${n}/pods/p/status`, kubelet, "Metadata"],
    [`PUT ${lease}`, kubelet, "None"],
    [`POST ${n}/events`, kubelet, "None"],
    [`PUT ${lease}`, jane, "Metadata"],
  ];
  for (const [request, by, level] of wants) {
    assert.equal(recordingOf(defaultPolicy, infoOf(request), by).level, level, request);
  }
});

function infoOf(request: string): NonNullable<ReturnType<typeof parseRequestInfo>> {
  const [method = "", url = ""] = request.split(" ");
  const info = parseRequestInfo(method, url);
  assert.ok(info !== undefined);
  return info;
}
