import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinResources } from "#api/kinds/list.ts";
import { builtinTypes } from "./builtin.ts";
import type { Field, Shape } from "./type-table.ts";

const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

function field(type: string, name: string): Field {
  const found = builtinTypes.find(type).fields.get(name);
  assert.ok(found, `${type} has ${name}`);
  return found;
}

/** List type and keys: `map containerPort protocol`. */
function listRule(shape: Shape): string {
  return shape.kind === "list" ? [shape.listType, ...shape.mapKeys].join(" ") : shape.kind;
}

test("every served kind has its type and its list's type", () => {
  const notListed = builtinResources.filter((it) => it.verbs.includes("list"));
  const missing = [
    ...builtinResources.map((it) => it.type),
    ...notListed.map((it) => `${it.type}List`),
  ].filter((it) => !builtinTypes.has(it));
  assert.deepEqual(missing, []);
});

test("the types that subresources and the machinery speak are there", () => {
  const names = [
    ...["Status", "DeleteOptions", "ListOptions", "GetOptions", "PatchOptions", "WatchEvent"],
    ...["Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupList"],
    ...["APIResourceList", "APIVersions", "CreateOptions", "UpdateOptions"],
  ].map((it) => `${meta}.${it}`);
  const others = [
    ...["PodExecOptions", "PodAttachOptions", "PodLogOptions", "PodPortForwardOptions"],
    ...["PodProxyOptions", "ServiceProxyOptions", "NodeProxyOptions", "Binding"],
  ].map((it) => `${core}.${it}`);
  const more = [
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.admission.v1.AdmissionReview",
    "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
  ];
  assert.deepEqual(
    [...names, ...others, ...more].filter((it) => !builtinTypes.has(it)),
    [],
  );
});

test("every type that a field names exists", () => {
  const missing: string[] = [];
  const visit = (shape: Shape): void => {
    if (shape.kind === "list") visit(shape.items);
    if (shape.kind === "map") visit(shape.values);
    if (shape.kind === "object" && !builtinTypes.has(shape.type)) missing.push(shape.type);
  };
  for (const name of builtinTypes.names()) {
    for (const it of builtinTypes.find(name).fields.values()) visit(it.shape);
  }
  assert.deepEqual(missing, []);
});

const lists: readonly (readonly [type: string, field: string, rule: string, mergeKey: string])[] = [
  [`${core}.PodSpec`, "containers", "map name", "name"],
  [`${core}.PodSpec`, "volumes", "map name", "name"],
  [`${core}.PodSpec`, "tolerations", "atomic", ""],
  [`${core}.PodSpec`, "imagePullSecrets", "map name", "name"],
  [`${core}.PodSpec`, "hostAliases", "map ip", "ip"],
  [
    `${core}.PodSpec`,
    "topologySpreadConstraints",
    "map topologyKey whenUnsatisfiable",
    "topologyKey",
  ],
  [`${core}.PodStatus`, "conditions", "map type", "type"],
  [`${core}.PodStatus`, "podIPs", "map ip", "ip"],
  [`${core}.Container`, "ports", "map containerPort protocol", "containerPort"],
  [`${core}.Container`, "env", "map name", "name"],
  [`${core}.Container`, "volumeMounts", "map mountPath", "mountPath"],
  [`${core}.Container`, "args", "atomic", ""],
  [`${core}.ServiceSpec`, "ports", "map port protocol", "port"],
  [`${core}.NodeSpec`, "podCIDRs", "set", ""],
  [`${core}.ServiceAccount`, "secrets", "map name", "name"],
  [`${meta}.ObjectMeta`, "finalizers", "set", ""],
  [`${meta}.ObjectMeta`, "ownerReferences", "map uid", "uid"],
  ["io.k8s.api.apps.v1.DeploymentStatus", "conditions", "map type", "type"],
];

for (const [type, name, rule, mergeKey] of lists) {
  test(`${type.replace(/.*\./, "")}.${name} merges as ${rule}`, () => {
    const found = field(type, name);
    assert.equal(listRule(found.shape), rule);
    assert.equal(found.patchMergeKey ?? "", mergeKey);
  });
}

test("fields carry what the readers of the table need", () => {
  assert.deepEqual(field(`${core}.PodSpec`, "volumes").patchStrategy, ["merge", "retainKeys"]);
  assert.deepEqual(field("io.k8s.api.apps.v1.DeploymentSpec", "strategy").patchStrategy, [
    "retainKeys",
  ]);
  assert.equal(field(`${core}.ContainerPort`, "protocol").fallback, "TCP");
  assert.equal(field(`${core}.Container`, "name").required, true);
  assert.equal(field("io.k8s.api.apps.v1.DeploymentSpec", "replicas").pointer, true);
  assert.equal(field(`${core}.Container`, "stdin").pointer, false);
  const emptyDir = field(`${core}.Volume`, "emptyDir");
  assert.deepEqual([emptyDir.protobuf, ...emptyDir.protobufPath], [2, 2]);
  assert.equal(field(`${core}.Container`, "ports").goType, "[]v1.ContainerPort");
  assert.equal(field(`${core}.ContainerPort`, "protocol").goType, "v1.Protocol");
  assert.equal(builtinTypes.find(`${meta}.LabelSelector`).atomic, true);
  assert.equal(builtinTypes.find(`${core}.ObjectReference`).atomic, true);
  assert.equal(field(`${core}.PersistentVolumeSpec`, "claimRef").granular, true);
  assert.throws(() => builtinTypes.find(`${core}.Nothing`), /is in the table/);
});
