import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Json, JsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { StatusError } from "#api/status.ts";
import { applyStrategicMergePatch } from "./strategic.ts";

interface Case {
  readonly name: string;
  readonly given: JsonObject;
  readonly patch: Json;
  readonly want?: JsonObject;
  readonly error?: string;
}

const pod = "io.k8s.api.core.v1.Pod";

// Patches of a Pod, with what Go's strategicpatch of release 1.36 makes of them.
const cases: readonly Case[] = [
  {
    name: "scalar is set",
    given: { spec: { nodeName: "a" } },
    patch: { spec: { nodeName: "b" } },
    want: { spec: { nodeName: "b" } },
  },
  {
    name: "scalar is added",
    given: { spec: {} },
    patch: { spec: { nodeName: "b" } },
    want: { spec: { nodeName: "b" } },
  },
  {
    name: "null removes a scalar",
    given: { spec: { nodeName: "a", hostname: "h" } },
    patch: { spec: { nodeName: null } },
    want: { spec: { hostname: "h" } },
  },
  {
    name: "null of an absent key does nothing",
    given: { spec: { hostname: "h" } },
    patch: { spec: { nodeName: null } },
    want: { spec: { hostname: "h" } },
  },
  {
    name: "null removes a map",
    given: { metadata: { labels: { a: "1" } } },
    patch: { metadata: { labels: null } },
    want: { metadata: {} },
  },
  {
    name: "nulls inside an added map are dropped",
    given: { metadata: {} },
    patch: { metadata: { labels: { a: "1", b: null } } },
    want: { metadata: { labels: { a: "1" } } },
  },
  {
    name: "maps merge",
    given: { metadata: { labels: { a: "1", b: "2" } } },
    patch: { metadata: { labels: { b: "3", c: "4" } } },
    want: { metadata: { labels: { a: "1", b: "3", c: "4" } } },
  },
  {
    name: "null removes a map entry",
    given: { metadata: { labels: { a: "1", b: "2" } } },
    patch: { metadata: { labels: { a: null } } },
    want: { metadata: { labels: { b: "2" } } },
  },
  {
    name: "$patch replace of a map",
    given: { metadata: { labels: { a: "1", b: "2" } } },
    patch: { metadata: { labels: { $patch: "replace", c: "4" } } },
    want: { metadata: { labels: { c: "4" } } },
  },
  {
    name: "$patch delete of a map",
    given: { metadata: { labels: { a: "1" }, name: "x" } },
    patch: { metadata: { labels: { $patch: "delete" } } },
    want: { metadata: { labels: {}, name: "x" } },
  },
  {
    name: "$patch delete of an absent map",
    given: { metadata: { name: "x" } },
    patch: { metadata: { labels: { $patch: "delete" } } },
    want: { metadata: { name: "x" } },
  },
  {
    name: "$patch replace at the root",
    given: { metadata: { name: "x" }, spec: { nodeName: "a" } },
    patch: { $patch: "replace", metadata: { name: "y" } },
    want: { metadata: { name: "y" } },
  },
  {
    name: "$patch delete at the root",
    given: { metadata: { name: "x" } },
    patch: { $patch: "delete" },
    want: {},
  },
  {
    name: "unknown $patch of a map",
    given: { metadata: { labels: { a: "1" } } },
    patch: { metadata: { labels: { $patch: "frobnicate" } } },
    error: "unknown patch type: frobnicate in map: map[$patch:frobnicate]",
  },
  {
    name: "$patch merge of a map",
    given: { metadata: { labels: { a: "1" } } },
    patch: { metadata: { labels: { $patch: "merge", b: "2" } } },
    error: "unknown patch type: merge in map: map[$patch:merge b:2]",
  },
  {
    name: "containers merge by name",
    given: {
      spec: {
        containers: [
          { name: "a", image: "1" },
          { name: "b", image: "1" },
        ],
      },
    },
    patch: { spec: { containers: [{ name: "b", image: "2" }] } },
    want: {
      spec: {
        containers: [
          { image: "1", name: "a" },
          { image: "2", name: "b" },
        ],
      },
    },
  },
  {
    name: "a new container comes first",
    given: { spec: { containers: [{ name: "a", image: "1" }] } },
    patch: { spec: { containers: [{ name: "b", image: "2" }] } },
    want: {
      spec: {
        containers: [
          { image: "2", name: "b" },
          { image: "1", name: "a" },
        ],
      },
    },
  },
  {
    name: "patched items follow the patch's order",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }, { name: "c" }] } },
    patch: {
      spec: {
        containers: [
          { name: "c", image: "3" },
          { name: "a", image: "1" },
        ],
      },
    },
    want: {
      spec: { containers: [{ name: "b" }, { image: "3", name: "c" }, { image: "1", name: "a" }] },
    },
  },
  {
    name: "a container is deleted",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: { spec: { containers: [{ name: "a", $patch: "delete" }] } },
    want: { spec: { containers: [{ name: "b" }] } },
  },
  {
    name: "deleting an absent container",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [{ name: "z", $patch: "delete" }] } },
    want: { spec: { containers: [{ name: "a" }] } },
  },
  {
    name: "delete without the merge key",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [{ image: "z", $patch: "delete" }] } },
    error: "map: map[$patch:delete image:z] does not contain declared merge key: name",
  },
  {
    name: "delete and add together",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: {
      spec: {
        containers: [
          { name: "a", $patch: "delete" },
          { name: "c", image: "3" },
        ],
      },
    },
    want: { spec: { containers: [{ image: "3", name: "c" }, { name: "b" }] } },
  },
  {
    name: "a list is replaced",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: { spec: { containers: [{ name: "c" }, { $patch: "replace" }] } },
    want: { spec: { containers: [{ name: "c" }] } },
  },
  {
    name: "a list is replaced by nothing",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: { spec: { containers: [{ $patch: "replace" }] } },
    want: { spec: { containers: [] } },
  },
  {
    name: "$patch merge in a list",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [{ name: "a", $patch: "merge" }] } },
    error: "merging lists cannot yet be specified in the patch",
  },
  {
    name: "unknown $patch in a list",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [{ name: "a", $patch: "frobnicate" }] } },
    error: "unknown patch type: frobnicate in map: map[$patch:frobnicate name:a]",
  },
  {
    name: "item without its merge key",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [{ image: "z" }] } },
    error: "map: map[image:z] does not contain declared merge key: name",
  },
  {
    name: "stored item without its merge key",
    given: { spec: { containers: [{ image: "a" }] } },
    patch: { spec: { containers: [{ name: "z" }] } },
    error: "map: map[image:a] does not contain declared merge key: name",
  },
  {
    name: "delete markers in an added list vanish",
    given: { spec: {} },
    patch: {
      spec: {
        containers: [
          { name: "a", $patch: "delete" },
          { name: "b", image: "1" },
        ],
      },
    },
    want: { spec: { containers: [{ image: "1", name: "b" }] } },
  },
  {
    name: "nested lists merge",
    given: {
      spec: {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "2" },
            ],
          },
        ],
      },
    },
    patch: { spec: { containers: [{ name: "a", env: [{ name: "Y", value: "3" }] }] } },
    want: {
      spec: {
        containers: [
          {
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "3" },
            ],
            name: "a",
          },
        ],
      },
    },
  },
  {
    name: "nested delete",
    given: {
      spec: {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "2" },
            ],
          },
        ],
      },
    },
    patch: { spec: { containers: [{ name: "a", env: [{ name: "Y", $patch: "delete" }] }] } },
    want: { spec: { containers: [{ env: [{ name: "X", value: "1" }], name: "a" }] } },
  },
  {
    name: "ports merge by containerPort alone",
    given: {
      spec: {
        containers: [
          {
            name: "a",
            ports: [
              { containerPort: 80, protocol: "TCP" },
              { containerPort: 53, protocol: "UDP" },
            ],
          },
        ],
      },
    },
    patch: {
      spec: { containers: [{ name: "a", ports: [{ containerPort: 53, protocol: "TCP" }] }] },
    },
    want: {
      spec: {
        containers: [
          {
            name: "a",
            ports: [
              { containerPort: 80, protocol: "TCP" },
              { containerPort: 53, protocol: "TCP" },
            ],
          },
        ],
      },
    },
  },
  {
    name: "volumeMounts merge by mountPath",
    given: {
      spec: { containers: [{ name: "a", volumeMounts: [{ name: "v", mountPath: "/a" }] }] },
    },
    patch: {
      spec: {
        containers: [
          {
            name: "a",
            volumeMounts: [
              { name: "w", mountPath: "/a" },
              { name: "v", mountPath: "/b" },
            ],
          },
        ],
      },
    },
    want: {
      spec: {
        containers: [
          {
            name: "a",
            volumeMounts: [
              { mountPath: "/a", name: "w" },
              { mountPath: "/b", name: "v" },
            ],
          },
        ],
      },
    },
  },
  {
    name: "atomic list of scalars is replaced",
    given: { spec: { containers: [{ name: "a", args: ["1", "2"] }] } },
    patch: { spec: { containers: [{ name: "a", args: ["3"] }] } },
    want: { spec: { containers: [{ args: ["3"], name: "a" }] } },
  },
  {
    name: "atomic list of maps is replaced",
    given: { spec: { tolerations: [{ key: "a" }, { key: "b" }] } },
    patch: { spec: { tolerations: [{ key: "c" }] } },
    want: { spec: { tolerations: [{ key: "c" }] } },
  },
  {
    name: "an empty list replaces",
    given: { spec: { tolerations: [{ key: "a" }] } },
    patch: { spec: { tolerations: [] } },
    want: { spec: { tolerations: [] } },
  },
  {
    name: "an empty list merges as nothing",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: [] } },
    want: { spec: { containers: [{ name: "a" }] } },
  },
  {
    name: "null removes a merging list",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { containers: null } },
    want: { spec: {} },
  },
  {
    name: "finalizers are a set",
    given: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["b", "c"] } },
    want: { metadata: { finalizers: ["a", "b", "c"] } },
  },
  {
    name: "finalizers: a new one comes first",
    given: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c"] } },
    want: { metadata: { finalizers: ["c", "a", "b"] } },
  },
  {
    name: "$deleteFromPrimitiveList",
    given: { metadata: { finalizers: ["a", "b", "c"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a", "c"] } },
    want: { metadata: { finalizers: ["b"] } },
  },
  {
    name: "$deleteFromPrimitiveList of the last",
    given: { metadata: { finalizers: ["a"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    want: { metadata: { finalizers: [] } },
  },
  {
    name: "$deleteFromPrimitiveList beside additions",
    given: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"], finalizers: ["c"] } },
    want: { metadata: { finalizers: ["c", "b"] } },
  },
  {
    name: "$deleteFromPrimitiveList without the list",
    given: { metadata: { name: "x" } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    want: { metadata: { name: "x" } },
  },
  {
    name: "$deleteFromPrimitiveList of null",
    given: { metadata: { finalizers: ["a"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": null } },
    want: { metadata: {} },
  },
  {
    name: "$setElementOrder of scalars",
    given: { metadata: { finalizers: ["a", "b", "c"] } },
    patch: { metadata: { "$setElementOrder/finalizers": ["c", "a"] } },
    want: { metadata: { finalizers: ["b", "c", "a"] } },
  },
  {
    name: "$setElementOrder with additions",
    given: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { "$setElementOrder/finalizers": ["c", "a"], finalizers: ["c"] } },
    want: { metadata: { finalizers: ["c", "a", "b"] } },
  },
  {
    name: "$setElementOrder of containers",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }, { name: "c" }] } },
    patch: {
      spec: { "$setElementOrder/containers": [{ name: "c" }, { name: "b" }, { name: "a" }] },
    },
    want: { spec: { containers: [{ name: "c" }, { name: "b" }, { name: "a" }] } },
  },
  {
    name: "$setElementOrder keeps what only the server has",
    given: { spec: { containers: [{ name: "a" }, { name: "side" }, { name: "b" }] } },
    patch: { spec: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] } },
    want: { spec: { containers: [{ name: "side" }, { name: "b" }, { name: "a" }] } },
  },
  {
    name: "$setElementOrder with a change",
    given: {
      spec: {
        containers: [
          { name: "a", image: "1" },
          { name: "b", image: "1" },
        ],
      },
    },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
        containers: [{ name: "a", image: "2" }],
      },
    },
    want: {
      spec: {
        containers: [
          { image: "1", name: "b" },
          { image: "2", name: "a" },
        ],
      },
    },
  },
  {
    name: "$setElementOrder with an addition",
    given: { spec: { containers: [{ name: "a", image: "1" }] } },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
        containers: [{ name: "b", image: "2" }],
      },
    },
    want: {
      spec: {
        containers: [
          { image: "1", name: "a" },
          { image: "2", name: "b" },
        ],
      },
    },
  },
  {
    name: "$setElementOrder with a deletion",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }],
        containers: [{ name: "a", $patch: "delete" }],
      },
    },
    want: { spec: { containers: [{ name: "b" }] } },
  },
  {
    name: "$setElementOrder against the patch's order",
    given: { spec: { containers: [{ name: "a" }, { name: "b" }] } },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
        containers: [
          { name: "b", image: "2" },
          { name: "a", image: "2" },
        ],
      },
    },
    error:
      "The order in patch list:\n[map[image:2 name:b] map[image:2 name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  },
  {
    name: "$setElementOrder without a patched item",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }],
        containers: [{ name: "b", image: "2" }],
      },
    },
    error:
      "The order in patch list:\n[map[image:2 name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
  },
  {
    name: "$setElementOrder of a new list",
    given: { spec: {} },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
        containers: [
          { name: "a", image: "2" },
          { name: "b", image: "2" },
        ],
      },
    },
    want: {
      spec: {
        containers: [
          { image: "2", name: "a" },
          { image: "2", name: "b" },
        ],
      },
    },
  },
  {
    name: "$setElementOrder without any list",
    given: { spec: { nodeName: "a" } },
    patch: { spec: { "$setElementOrder/containers": [{ name: "a" }] } },
    want: { spec: { nodeName: "a" } },
  },
  {
    name: "$setElementOrder that is no list",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: { spec: { "$setElementOrder/containers": { name: "a" } } },
    error: "expected a []interface {}, but received a map[string]interface {}",
  },
  {
    name: "$setElementOrder item without its key",
    given: { spec: { containers: [{ name: "a" }] } },
    patch: {
      spec: {
        "$setElementOrder/containers": [{ image: "a" }],
        containers: [{ name: "a", image: "2" }],
      },
    },
    error: "map: map[image:a] does not contain declared merge key: name",
  },
  {
    name: "$retainKeys of a volume",
    given: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: {
      spec: {
        volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }],
      },
    },
    want: { spec: { volumes: [{ hostPath: { path: "/x" }, name: "v" }] } },
  },
  {
    name: "$retainKeys alone",
    given: { spec: { volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] } },
    patch: { spec: { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"] }] } },
    want: { spec: { volumes: [{ hostPath: { path: "/" }, name: "v" }] } },
  },
  {
    name: "$retainKeys misses a patched key",
    given: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: { spec: { volumes: [{ name: "v", $retainKeys: ["name"], hostPath: { path: "/x" } }] } },
    error: "invalid patch format of retainKeys",
  },
  {
    name: "$retainKeys that is no list",
    given: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: { spec: { volumes: [{ name: "v", $retainKeys: "name" }] } },
    error: "invalid patch format of retainKeys",
  },
  {
    name: "$retainKeys with a null beside",
    given: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: {
      spec: {
        volumes: [
          {
            name: "v",
            $retainKeys: ["name", "hostPath"],
            emptyDir: null,
            hostPath: { path: "/x" },
          },
        ],
      },
    },
    want: { spec: { volumes: [{ hostPath: { path: "/x" }, name: "v" }] } },
  },
  {
    name: "types differ: the patch wins",
    given: { spec: { containers: { name: "a" } } },
    patch: { spec: { containers: [{ name: "b" }] } },
    want: { spec: { containers: [{ name: "b" }] } },
  },
  {
    name: "mixed types in a merging list",
    given: { metadata: { finalizers: ["a"] } },
    patch: { metadata: { finalizers: [1] } },
    error: "list element types are not identical: [[a] [1]]",
  },
  {
    name: "lists in a merging list",
    given: { metadata: { finalizers: ["a"] } },
    patch: { metadata: { finalizers: [["b"]] } },
    error: "list element types are not identical: [[a] [[b]]]",
  },
  {
    name: "owner references merge by uid",
    given: { metadata: { ownerReferences: [{ uid: "1", name: "a" }] } },
    patch: {
      metadata: {
        ownerReferences: [
          { uid: "1", controller: true },
          { uid: "2", name: "b" },
        ],
      },
    },
    want: {
      metadata: {
        ownerReferences: [
          { controller: true, name: "a", uid: "1" },
          { name: "b", uid: "2" },
        ],
      },
    },
  },
  {
    name: "topology constraints merge by topologyKey",
    given: { spec: { topologySpreadConstraints: [{ topologyKey: "zone", maxSkew: 1 }] } },
    patch: { spec: { topologySpreadConstraints: [{ topologyKey: "zone", maxSkew: 2 }] } },
    want: { spec: { topologySpreadConstraints: [{ maxSkew: 2, topologyKey: "zone" }] } },
  },
  {
    name: "conditions merge by type",
    given: {
      status: {
        conditions: [
          { type: "Ready", status: "False" },
          { type: "Other", status: "True" },
        ],
      },
    },
    patch: {
      status: {
        "$setElementOrder/conditions": [{ type: "Ready" }, { type: "Other" }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
    want: {
      status: {
        conditions: [
          { status: "True", type: "Ready" },
          { status: "True", type: "Other" },
        ],
      },
    },
  },
  {
    name: "affinity merges as a struct, its lists are replaced",
    given: {
      spec: {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "a" }] },
        },
      },
    },
    patch: {
      spec: {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "b" }] },
        },
      },
    },
    want: {
      spec: {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "b" }] },
        },
      },
    },
  },
  {
    name: "the empty patch",
    given: { spec: { nodeName: "a" } },
    patch: {},
    want: { spec: { nodeName: "a" } },
  },
  {
    name: "null in an added list item",
    given: { spec: { containers: [] } },
    patch: { spec: { containers: [{ name: "a", image: "1" }] } },
    want: { spec: { containers: [{ image: "1", name: "a" }] } },
  },
  {
    name: "$patch in a nested added map",
    given: { spec: {} },
    patch: { spec: { affinity: { nodeAffinity: { $patch: "delete" }, podAffinity: {} } } },
    want: { spec: { affinity: { podAffinity: {} } } },
  },
  {
    name: "resources merge",
    given: {
      spec: { containers: [{ name: "a", resources: { limits: { cpu: "1", memory: "1Gi" } } }] },
    },
    patch: { spec: { containers: [{ name: "a", resources: { limits: { cpu: "2" } } }] } },
    want: {
      spec: { containers: [{ name: "a", resources: { limits: { cpu: "2", memory: "1Gi" } } }] },
    },
  },
];

function apply(given: JsonObject, patch: Json): JsonObject {
  return applyStrategicMergePatch(given, patch, pod, builtinTypes);
}

for (const { name, given, patch, want, error } of cases) {
  test(`strategic merge patch: ${name}`, () => {
    const before = JSON.stringify([given, patch]);
    if (error === undefined) assert.deepEqual(apply(given, patch), want);
    else {
      assert.throws(
        () => apply(given, patch),
        (it) => it instanceof StatusError && it.code < 500 && it.message.endsWith(error),
      );
    }
    assert.equal(JSON.stringify([given, patch]), before, "the arguments are left alone");
  });
}

test("strategic merge patch: a patch that is no object, and lists of lists", () => {
  assert.throws(() => apply({}, []), { code: 400, message: "invalid JSON document" });
  assert.throws(
    () => apply({ metadata: { finalizers: [["a"]] } }, { metadata: { finalizers: ["b"] } }),
    {
      code: 422,
      message: /lists of lists are not supported/,
    },
  );
});

test("strategic merge patch: directives in a value that is taken whole leave no trace", () => {
  const patch = {
    spec: {
      $retainKeys: ["containers"],
      containers: [
        { name: "a", "$setElementOrder/env": [{ name: "X" }], env: [{ name: "X", value: "1" }] },
      ],
    },
  };
  assert.deepEqual(apply({}, patch), {
    spec: { containers: [{ name: "a", env: [{ name: "X", value: "1" }] }] },
  });
});

test("strategic merge patch: __proto__ is a key like any other", () => {
  const patch = JSON.parse('{"metadata":{"labels":{"__proto__":{"polluted":"yes"}}}}') as Json;
  const result = apply({ metadata: { labels: { a: "1" } } }, patch);
  assert.equal(
    JSON.stringify(result),
    '{"metadata":{"labels":{"a":"1","__proto__":{"polluted":"yes"}}}}',
  );
  assert.equal(({} as JsonObject)["polluted"], undefined);
});

test("strategic merge patch: applying it twice changes nothing more", () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const item = fc.record({ name, image: fc.constantFrom("1", "2") });
  const containers = fc.uniqueArray(item, { selector: (it) => it.name });
  const finalizers = fc.uniqueArray(name);
  const object = fc.record({
    metadata: fc.record({ finalizers }),
    spec: fc.record({ containers }),
  });
  fc.assert(
    fc.property(object, object, (given, patch) => {
      const once = apply(given, patch);
      assert.deepEqual(apply(once, patch), once);
      const names = (it: { name: string }[]): string[] => it.map((one) => one.name);
      const merged = (once["spec"] as { containers: { name: string }[] }).containers;
      assert.deepEqual(
        new Set(names(merged)),
        new Set([...names(given.spec.containers), ...names(patch.spec.containers)]),
      );
    }),
  );
});
