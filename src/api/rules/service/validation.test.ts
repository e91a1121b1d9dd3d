import type { JsonObject } from "#api/object.ts";
import { testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const valid: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: {
    selector: { a: "b" },
    ports: [{ port: 80 }],
    clusterIP: "10.0.0.5",
    clusterIPs: ["10.0.0.5"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
  },
};

testFaults("", "services", valid, [
  ["spec.ports", [], "Required spec.ports"],
  ["spec.type", "x", "NotSupported spec.type"],
  [
    "spec.ports.0",
    { port: 0, targetPort: 80 },
    "Invalid spec.ports[0].port ~ must be between 1 and 65535, inclusive",
  ],
  [
    "spec.ports.0.protocol",
    "x",
    'NotSupported spec.ports[0].protocol ~ supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    "spec.ports",
    [{ port: 80 }, { port: 81 }],
    "Required spec.ports[0].name ; Required spec.ports[1].name",
  ],
  [
    "spec.ports",
    [
      { name: "a", port: 80 },
      { name: "a", port: 80 },
    ],
    "Duplicate spec.ports[1].name ; Duplicate spec.ports[1]",
  ],
  [
    "spec.ports.0.nodePort",
    30_000,
    "Forbidden spec.ports[0].nodePort ~ may not be used when `type` is 'ClusterIP'",
  ],
  ["spec.sessionAffinity", "x", "NotSupported spec.sessionAffinity"],
  ["spec.selector", { "a b": "c" }, "Invalid spec.selector"],
  [
    "spec.externalIPs",
    ["127.0.0.1"],
    "Invalid spec.externalIPs[0] ~ may not be in the loopback range",
  ],
  [
    "spec.loadBalancerClass",
    "a.b/c",
    "Forbidden spec.loadBalancerClass ~ may only be used when `type` is 'LoadBalancer'",
  ],
  ["spec.externalTrafficPolicy", "Local", "Invalid spec.externalTrafficPolicy"],
  ["spec.trafficDistribution", "x", "NotSupported spec.trafficDistribution"],
]);

testFaults(
  "",
  "services",
  { metadata: { name: "a" }, spec: { type: "ExternalName", externalName: "a.example.com" } },
  [
    ["spec.externalName", "", "Required spec.externalName"],
    ["spec.externalName", "A_b", "Invalid spec.externalName"],
    ["spec.clusterIPs", ["10.0.0.1"], "Forbidden spec.clusterIPs"],
  ],
);

testUpdateFaults("", "services", valid, [
  ["spec.ports.0.port", 81, ""],
  ["spec.clusterIPs", ["10.0.0.6"], "Invalid spec.clusterIPs[0] ~ may not change once set"],
]);

const subset = { addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] };
testFaults("", "endpoints", { metadata: { name: "a" }, subsets: [subset] }, [
  [
    "subsets.0.addresses",
    [],
    "Required subsets[0] ~ must specify `addresses` or `notReadyAddresses`",
  ],
  [
    "subsets.0.addresses.0.ip",
    "x",
    "Invalid subsets[0].addresses[0].ip ~ must be a valid IP address",
  ],
  [
    "subsets.0.addresses.0.ip",
    "169.254.1.1",
    "Invalid subsets[0].addresses[0].ip ~ link-local range",
  ],
  ["subsets.0.ports.0.port", 0, "Invalid subsets[0].ports[0].port"],
]);

const slice: JsonObject = {
  metadata: { name: "a" },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"] }],
  ports: [{ name: "http", port: 80 }],
};
testFaults("discovery.k8s.io", "endpointslices", slice, [
  ["addressType", "x", "NotSupported addressType"],
  ["addressType", undefined, "Required addressType"],
  ["endpoints.0.addresses", [], "Required endpoints[0].addresses"],
  [
    "endpoints.0.addresses",
    ["fd00::1"],
    "Invalid endpoints[0].addresses ~ must be an IPv4 address",
  ],
  ["endpoints.0.nodeName", "A_b", "Invalid endpoints[0].nodeName"],
  ["ports.0.protocol", "x", "NotSupported ports[0].protocol"],
]);
testUpdateFaults("discovery.k8s.io", "endpointslices", slice, [
  ["addressType", "IPv6", "Invalid addressType ~ field is immutable"],
]);
