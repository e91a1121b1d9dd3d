import { testDefaults } from "#testing/kind-table.ts";

testDefaults(
  "",
  "services",
  { spec: { ports: [{ port: 80 }] } },
  {
    "spec.type": "ClusterIP",
    "spec.sessionAffinity": "None",
    "spec.internalTrafficPolicy": "Cluster",
    "spec.externalTrafficPolicy": undefined,
    "spec.ports.0": { port: 80, protocol: "TCP", targetPort: 80 },
  },
);
testDefaults(
  "",
  "services",
  {
    spec: {
      type: "LoadBalancer",
      sessionAffinity: "ClientIP",
      ports: [{ port: 80, targetPort: "web" }],
    },
  },
  {
    "spec.externalTrafficPolicy": "Cluster",
    "spec.allocateLoadBalancerNodePorts": true,
    "spec.sessionAffinityConfig": { clientIP: { timeoutSeconds: 10_800 } },
    "spec.ports.0.targetPort": "web",
  },
);
testDefaults(
  "",
  "services",
  { spec: { type: "ExternalName", externalName: "a.b" } },
  { "spec.internalTrafficPolicy": undefined },
);
testDefaults(
  "",
  "endpoints",
  { subsets: [{ ports: [{ port: 80 }] }] },
  { "subsets.0.ports.0": { port: 80, protocol: "TCP" } },
);
testDefaults(
  "discovery.k8s.io",
  "endpointslices",
  { addressType: "IPv4", ports: [{ port: 80 }] },
  { "ports.0": { name: "", port: 80, protocol: "TCP" } },
);
