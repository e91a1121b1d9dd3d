import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testDefaults, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const group = "networking.k8s.io";
const metadata = { name: "a", namespace: "n" };
const backend = { service: { name: "s", port: { number: 80 } } };
const ingress: JsonObject = {
  metadata,
  spec: {
    rules: [{ host: "a.b", http: { paths: [{ path: "/x", pathType: "Prefix", backend }] } }],
    tls: [{ hosts: ["a.b"], secretName: "t" }],
  },
};

testFaults(group, "ingresses", ingress, [
  ["spec.rules", [], "Invalid spec ~ either `defaultBackend` or `rules` must be specified"],
  ["spec.rules.0.host", "*.a.b", ""],
  [
    "spec.rules.0.host",
    "1.2.3.4",
    "Invalid spec.rules[0].host ~ must be a DNS name, not an IP address",
  ],
  [
    "spec.rules.0.http.paths.0.pathType",
    undefined,
    "Required spec.rules[0].http.paths[0].pathType",
  ],
  ["spec.rules.0.http.paths.0.pathType", "x", "NotSupported spec.rules[0].http.paths[0].pathType"],
  [
    "spec.rules.0.http.paths.0.path",
    "x",
    "Invalid spec.rules[0].http.paths[0].path ~ must be an absolute path",
  ],
  [
    "spec.rules.0.http.paths.0.path",
    "/a//b",
    "Invalid spec.rules[0].http.paths[0].path ~ must not contain '//'",
  ],
  ["spec.rules.0.http.paths.0.backend", {}, "Invalid spec.rules[0].http.paths[0].backend"],
  [
    "spec.rules.0.http.paths.0.backend.service.port",
    {},
    "Required spec.rules[0].http.paths[0].backend",
  ],
  ["spec.tls.0.hosts", ["A_b"], "Invalid spec.tls[0].hosts[0]"],
]);

const ingressClass: JsonObject = { metadata: { name: "a" }, spec: { controller: "a.b/c" } };
testFaults(group, "ingressclasses", ingressClass, [
  ["spec.controller", "", "Required spec.controller"],
  ["spec.controller", "x", "Invalid spec.controller ~ must be a domain-prefixed path"],
  [
    "spec.parameters",
    { kind: "K", name: "n", scope: "Namespace" },
    "Required spec.parameters.namespace",
  ],
]);
testUpdateFaults(group, "ingressclasses", ingressClass, [
  ["spec.controller", "a.b/d", "Invalid spec.controller ~ field is immutable"],
]);

const policy: JsonObject = {
  metadata,
  spec: {
    podSelector: {},
    ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }],
  },
};
testFaults(group, "networkpolicies", policy, [
  ["spec.ingress.0.ports.0.port", 0, "Invalid spec.ingress[0].ports[0].port"],
  ["spec.ingress.0.ports.0.protocol", "x", "NotSupported spec.ingress[0].ports[0].protocol"],
  ["spec.ingress.0.ports.0.endPort", 79, "Invalid spec.ingress[0].ports[0].endPort"],
  ["spec.ingress.0.from.0", {}, "Required spec.ingress[0].from[0]"],
  [
    "spec.ingress.0.from.0",
    { ipBlock: { cidr: "x" } },
    "Invalid spec.ingress[0].from[0].ipBlock.cidr",
  ],
  ["spec.policyTypes", ["x"], "NotSupported spec.policyTypes[0]"],
]);
testDefaults(group, "networkpolicies", policy, {
  "spec.policyTypes": ["Ingress"],
  "spec.ingress.0.ports.0.protocol": "TCP",
});
testDefaults(
  group,
  "networkpolicies",
  { spec: { egress: [] } },
  { "spec.policyTypes": ["Ingress"] },
);
testDefaults(
  group,
  "networkpolicies",
  { spec: { egress: [{}] } },
  {
    "spec.policyTypes": ["Ingress", "Egress"],
  },
);

test("columns of an ingress", () => {
  const cells = strategyFor(group, "ingresses").cells(ingress, 0);
  assert.deepEqual(cells, ["a", "<none>", "a.b", "", "80, 443", "<unknown>"]);
});
