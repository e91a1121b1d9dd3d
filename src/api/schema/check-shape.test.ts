import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { builtinTypes } from "./builtin.ts";
import { checkShape } from "./check-shape.ts";

const pod = "io.k8s.api.core.v1.Pod";
const deployment = "io.k8s.api.apps.v1.Deployment";
const lease = "io.k8s.api.coordination.v1.Lease";

function container(fields: JsonObject): JsonObject {
  return { spec: { containers: [{ name: "main", ...fields }] } };
}

const wrong: readonly (readonly [type: string, object: JsonObject, want: string])[] = [
  [
    pod,
    container({ image: 5 }),
    "json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string",
  ],
  [
    deployment,
    { spec: { replicas: "three" } },
    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
  ],
  [
    deployment,
    { spec: { replicas: 1.5 } },
    "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
  ],
  [
    deployment,
    { spec: { replicas: 2 ** 31 } },
    "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
  ],
  [
    pod,
    { spec: { containers: {} } },
    "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
  ],
  [
    pod,
    { spec: [] },
    "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec",
  ],
  [
    pod,
    { metadata: { labels: { a: true } } },
    "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
  ],
  [
    pod,
    container({ ports: [{ containerPort: 1, protocol: 6 }] }),
    "json: cannot unmarshal number into Go struct field ContainerPort.spec.containers.ports.protocol of type v1.Protocol",
  ],
  ["io.k8s.api.core.v1.Secret", { data: { a: "!" } }, "illegal base64 data at input byte 0"],
];

for (const [type, object, want] of wrong) {
  test(`refuses ${JSON.stringify(object)}`, () => {
    assert.deepEqual(checkShape(object, type, builtinTypes).wrong, [want]);
  });
}

const unknown: readonly (readonly [
  object: JsonObject,
  want: readonly string[],
  left: JsonObject,
])[] = [
  [container({ Image: "a" }), ["spec.containers[0].Image"], container({})],
  [{ foo: 1, spec: { bar: { baz: 1 } } }, ["foo", "spec.bar"], { spec: {} }],
  [{ metadata: { labels: { any: "x" } } }, [], { metadata: { labels: { any: "x" } } }],
];

for (const [object, want, left] of unknown) {
  test(`drops and names what is unknown in ${JSON.stringify(object)}`, () => {
    const problems = checkShape(object, pod, builtinTypes);
    assert.deepEqual(
      problems.unknown,
      want.map((it) => `unknown field "${it}"`),
    );
    assert.deepEqual(problems.wrong, []);
    assert.deepEqual(object, left);
  });
}

const normal: readonly (readonly [type: string, object: JsonObject, want: JsonObject])[] = [
  [pod, { metadata: { creationTimestamp: null }, status: null }, { metadata: {} }],
  [pod, container({ args: ["a", null] }), container({ args: ["a", ""] })],
  [pod, container({ env: [null] }), container({ env: [{}] })],
  [pod, { metadata: { labels: { a: null } } }, { metadata: { labels: { a: "" } } }],
  [
    pod,
    { metadata: { creationTimestamp: "2026-03-01T02:30:00.75+02:00" } },
    { metadata: { creationTimestamp: "2026-03-01T00:30:00Z" } },
  ],
  [
    lease,
    { spec: { renewTime: "2026-03-01T00:30:00.1234567Z" } },
    { spec: { renewTime: "2026-03-01T00:30:00.123456Z" } },
  ],
  [
    pod,
    container({ resources: { limits: { cpu: 0.5, memory: "1Gi" } } }),
    container({ resources: { limits: { cpu: "0.5", memory: "1Gi" } } }),
  ],
  ["io.k8s.api.core.v1.Secret", { data: { a: "eA==\n" } }, { data: { a: "eA==" } }],
];

for (const [type, object, want] of normal) {
  test(`normalises ${JSON.stringify(object)}`, () => {
    const copy = structuredClone(object);
    assert.deepEqual(checkShape(copy, type, builtinTypes), { unknown: [], wrong: [] });
    assert.deepEqual(copy, want);
  });
}

test("leaves free-form values and whatever is in them alone", () => {
  const object: Record<string, Json> = { data: { a: [null, { b: null }] }, revision: 1 };
  const copy = structuredClone(object);
  checkShape(copy, "io.k8s.api.apps.v1.ControllerRevision", builtinTypes);
  assert.deepEqual(copy, object);
});

for (const text of [
  "2026-02-30T00:00:00Z",
  "yesterday",
  "2026-01-01",
  "",
  "2026-01-01T24:00:00Z",
]) {
  test(`refuses the time '${text}'`, () => {
    const object = { metadata: { creationTimestamp: text } };
    const [problem] = checkShape(object, pod, builtinTypes).wrong;
    assert.match(problem ?? "", /^parsing time/);
  });
}

test("names at most 100 unknown fields", () => {
  const object: JsonObject = {};
  for (let at = 0; at < 500; at++) object[`x${at}`] = at;
  assert.equal(checkShape(object, pod, builtinTypes).unknown.length, 100);
  assert.deepEqual(object, {});
});
