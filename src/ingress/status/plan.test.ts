import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ingress, Node } from "#api/gen/types.ts";
import { planStatus, servingAddresses } from "./plan.ts";

/** `192.168.0.1 80,443`, then `unready`, `leaving`, `external=5.5.5.5` as they apply. */
function node(text: string): Node {
  const [address = "", ports = "", ...words] = text.split(" ");
  const external = words.find((it) => it.startsWith("external="))?.split("=")[1];
  return {
    metadata: {
      name: address,
      annotations: ports === "-" ? {} : { "gantry.dev/ingress-ports": ports },
      ...(words.includes("leaving") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    status: {
      addresses: [
        { type: "Hostname", address: "h" },
        { type: "InternalIP", address },
        ...(external === undefined ? [] : [{ type: "ExternalIP", address: external }]),
      ],
      conditions: [{ type: "Ready", status: words.includes("unready") ? "False" : "True" }],
    },
  };
}

const cases: [given: string[], want: string[]][] = [
  [
    ["192.168.0.2 80,443", "192.168.0.1 80"],
    ["192.168.0.1", "192.168.0.2"],
  ],
  [["192.168.0.1 -", "192.168.0.2 443 unready", "192.168.0.3 80 leaving"], []],
  [["192.168.0.1 80 external=5.5.5.5"], ["5.5.5.5"]],
];

for (const [given, want] of cases) {
  test(`servingAddresses: ${given.join(", ")} -> ${want.join(" ")}`, () => {
    assert.deepEqual(servingAddresses(given.map(node)), want);
  });
}

test("planStatus: only what says something else", () => {
  const ingress = (name: string, ...ips: string[]): Ingress => ({
    metadata: { name },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  });
  const served = [ingress("a", "1.1.1.1"), ingress("b"), ingress("c", "2.2.2.2", "1.1.1.1")];
  const steps = planStatus(served, ["1.1.1.1"]);
  assert.deepEqual(
    steps.map((it) => it.ingress.metadata?.name),
    ["b", "c"],
  );
});
