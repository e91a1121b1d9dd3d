import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { carryOver, setFamilies } from "./plan.ts";

const plain = { type: "ClusterIP", clusterIP: "10.96.0.9", clusterIPs: ["10.96.0.9"] };
const web = { port: 80, protocol: "TCP" };

const carried: [title: string, before: JsonObject, next: JsonObject, want: JsonObject][] = [
  ["address left out", plain, { type: "ClusterIP" }, plain],
  ["list left out", plain, { type: "ClusterIP", clusterIP: "10.96.0.9" }, plain],
  [
    "another address",
    plain,
    { ...plain, clusterIP: "10.96.0.10" },
    { type: "ClusterIP", clusterIP: "10.96.0.10", clusterIPs: ["10.96.0.10"] },
  ],
  [
    "to ExternalName",
    { ...plain, ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    {
      ...plain,
      type: "ExternalName",
      externalName: "x",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    },
    { type: "ExternalName", externalName: "x" },
  ],
  [
    "node port left out",
    { ...plain, type: "NodePort", ports: [{ ...web, nodePort: 30001 }] },
    { type: "NodePort", ports: [{ ...web }, { port: 443, protocol: "TCP" }] },
    {
      ...plain,
      type: "NodePort",
      ports: [
        { ...web, nodePort: 30001 },
        { port: 443, protocol: "TCP" },
      ],
    },
  ],
  [
    "node port moved to another port",
    { ...plain, type: "NodePort", ports: [{ ...web, nodePort: 30001 }] },
    { ...plain, type: "NodePort", ports: [{ ...web }, { port: 81, nodePort: 30001 }] },
    { ...plain, type: "NodePort", ports: [{ ...web }, { port: 81, nodePort: 30001 }] },
  ],
  [
    "from NodePort to ClusterIP",
    {
      ...plain,
      type: "NodePort",
      externalTrafficPolicy: "Cluster",
      ports: [{ ...web, nodePort: 30001 }],
    },
    { ...plain, externalTrafficPolicy: "Cluster", ports: [{ ...web, nodePort: 30001 }] },
    { ...plain, ports: [{ ...web }] },
  ],
  [
    "from LoadBalancer to NodePort",
    {
      ...plain,
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 30002,
      allocateLoadBalancerNodePorts: true,
    },
    {
      ...plain,
      type: "NodePort",
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 30002,
      allocateLoadBalancerNodePorts: true,
    },
    { ...plain, type: "NodePort", externalTrafficPolicy: "Local" },
  ],
];

for (const [title, before, next, want] of carried) {
  test(`carryOver: ${title}`, () => {
    const spec = structuredClone(next);
    carryOver(spec, before);
    assert.deepEqual(spec, want);
  });
}

const families: [title: string, spec: JsonObject, want: JsonObject | string][] = [
  ["default", {}, { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] }],
  [
    "prefers two",
    { ipFamilyPolicy: "PreferDualStack" },
    { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4"] },
  ],
  [
    "headless with selector",
    { clusterIP: "None", selector: { app: "x" } },
    { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] },
  ],
  [
    "headless without selector",
    { clusterIP: "None" },
    { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
  ],
  ["ExternalName", { type: "ExternalName" }, {}],
  ["requires two", { ipFamilyPolicy: "RequireDualStack" }, "spec.ipFamilyPolicy"],
  ["IPv6", { ipFamilies: ["IPv6"] }, "spec.ipFamilies[0]"],
];

for (const [title, given, want] of families) {
  test(`setFamilies: ${title}`, () => {
    const spec = structuredClone(given);
    const faults = setFamilies(spec, undefined);
    if (typeof want === "string") {
      assert.deepEqual(
        faults.map((it) => it.field),
        [want],
      );
    } else {
      assert.deepEqual(faults, []);
      assert.deepEqual(spec, { ...given, ...want });
    }
  });
}
