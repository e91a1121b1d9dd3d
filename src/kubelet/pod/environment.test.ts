import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Service } from "#api/gen/types.ts";
import { FakeObjects } from "#testing/kubelet-ports.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { buildEnvironment } from "./environment.ts";
import { expand, expandStrictly } from "./expansion.ts";
import { podField } from "./pod-fields.ts";

const variables = new Map([
  ["A", "1"],
  ["EMPTY", ""],
]);
const expansions: [text: string, want: string][] = [
  ["plain", "plain"],
  ["$(A)/$(A)", "1/1"],
  ["$(EMPTY)x", "x"],
  ["$(UNKNOWN)", "$(UNKNOWN)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$A", "$A"],
  ["$(A", "$(A"],
  ["end$", "end$"],
  ["", ""],
];

for (const [text, want] of expansions) {
  test(`expand: '${text}' -> '${want}'`, () => {
    assert.equal(expand(text, variables), want);
  });
}

test("expandStrictly: an unknown name is refused", () => {
  assert.equal(expandStrictly("$(A)", variables), "1");
  assert.equal(expandStrictly("$(UNKNOWN)", variables), undefined);
});

const facts = {
  hostIps: ["10.0.0.1"],
  podIps: ["10.1.0.5", "fd00::5"],
  allocatable: { cpu: "2", memory: "4Gi" },
};
const pod = podOf({}, { labels: { b: '"2"', a: "1" } });
const fields: [path: string, want: string | undefined][] = [
  ["metadata.name", "web"],
  ["metadata.uid", "u1"],
  ["metadata.labels", 'a="1"\nb="\\"2\\""'],
  ["metadata.labels['a']", "1"],
  ["metadata.annotations['none']", ""],
  ["spec.nodeName", "node-1"],
  ["status.hostIP", "10.0.0.1"],
  ["status.podIP", "10.1.0.5"],
  ["status.podIPs", "10.1.0.5,fd00::5"],
  ["spec.unknown", undefined],
];

for (const [path, want] of fields) {
  test(`podField: ${path} -> ${String(want)}`, () => {
    assert.equal(podField(path, pod, facts), want);
  });
}

const service: Service = {
  metadata: { name: "db-main", namespace: "default" },
  spec: { clusterIP: "10.96.0.7", ports: [{ name: "sql", port: 5432, protocol: "TCP" }] },
};
const api: Service = {
  metadata: { name: "kubernetes", namespace: "default" },
  spec: { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, protocol: "TCP" }] },
};
const services = { synced: () => Promise.resolve(), list: () => [service, api] };
const objects = new FakeObjects({
  configMaps: [
    { metadata: { namespace: "default", name: "cm" }, data: { k: "v", "with.dot": "d" } },
  ],
  secrets: [{ metadata: { namespace: "default", name: "s" }, data: { p: btoa("geheim") } }],
});

async function environmentOf(container: Partial<Container>): Promise<Map<string, string>> {
  const ports = { objects, services, facts };
  const signal = new AbortController().signal;
  return await buildEnvironment(pod, containerOf("app", container), ports, signal);
}

const environments: [name: string, container: Partial<Container>, want: Record<string, string>][] =
  [
    [
      "services",
      {},
      {
        KUBERNETES_SERVICE_HOST: "10.96.0.1",
        DB_MAIN_SERVICE_PORT_SQL: "5432",
        DB_MAIN_PORT: "tcp://10.96.0.7:5432",
        DB_MAIN_PORT_5432_TCP_ADDR: "10.96.0.7",
      },
    ],
    [
      "envFrom and prefix",
      { envFrom: [{ prefix: "X_", configMapRef: { name: "cm" } }, { secretRef: { name: "s" } }] },
      { X_k: "v", "X_with.dot": "d", p: "geheim" },
    ],
    ["optional and missing", { envFrom: [{ configMapRef: { name: "none", optional: true } }] }, {}],
    [
      "declared over the others, in order",
      {
        envFrom: [{ configMapRef: { name: "cm" } }],
        env: [
          { name: "k", value: "own" },
          { name: "z", value: "$(k)-$(KUBERNETES_SERVICE_HOST)" },
        ],
      },
      { k: "own", z: "own-10.96.0.1" },
    ],
    [
      "keys",
      {
        env: [
          { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "p" } } },
          { name: "B", valueFrom: { configMapKeyRef: { name: "cm", key: "k" } } },
        ],
      },
      { A: "geheim", B: "v" },
    ],
    [
      "fields and resources",
      {
        resources: { limits: { cpu: "1500m" }, requests: { memory: "64Mi" } },
        env: [
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
          {
            name: "MEM",
            valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } },
          },
          { name: "REQ", valueFrom: { resourceFieldRef: { resource: "requests.memory" } } },
        ],
      },
      { IP: "10.1.0.5", CPU: "2", MEM: "4096", REQ: "67108864" },
    ],
  ];

for (const [name, container, want] of environments) {
  test(`buildEnvironment: ${name}`, async () => {
    const got = await environmentOf(container);
    for (const [key, value] of Object.entries(want)) assert.equal(got.get(key), value, key);
  });
}

const missing: [container: Partial<Container>, message: RegExp][] = [
  [{ envFrom: [{ configMapRef: { name: "none" } }] }, /configmap "none" not found/],
  [
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "x" } } }] },
    /couldn't find key x in Secret default\/s/,
  ],
  [
    { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] },
    /unsupported fieldPath: spec.x/,
  ],
];

for (const [container, message] of missing) {
  test(`buildEnvironment: fails with ${message}`, async () => {
    await assert.rejects(environmentOf(container), message);
  });
}

test("buildEnvironment: an optional key that is missing leaves the variable unset", async () => {
  const got = await environmentOf({
    env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "x", optional: true } } }],
  });
  assert.equal(got.has("A"), false);
});
