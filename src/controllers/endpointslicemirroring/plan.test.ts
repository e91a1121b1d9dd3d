import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints, EndpointSlice, EndpointSubset, Service } from "#api/gen/types.ts";
import { addressesPerSubsetMax, isMirrored, planMirror, type MirrorStep } from "./plan.ts";

/** `10.0.0.1 10.0.0.2!:80,web=8080`: addresses, `!` not ready, and the ports that they have. */
function subset(text: string): EndpointSubset {
  const at = text.lastIndexOf(":");
  const addresses = text.slice(0, at).split(" ");
  const ready = addresses.filter((it) => !it.endsWith("!"));
  const notReady = addresses.filter((it) => it.endsWith("!")).map((it) => it.slice(0, -1));
  const ports = text.slice(at + 1).split(",");
  return {
    addresses: ready.map((ip) => ({ ip })),
    notReadyAddresses: notReady.map((ip) => ({ ip })),
    ports: ports.map((it) => {
      const [name, port] = it.includes("=") ? it.split("=") : [undefined, it];
      return { ...(name === undefined ? {} : { name }), port: Number(port) };
    }),
  };
}

function endpoints(...subsets: string[]): Endpoints {
  return {
    metadata: {
      name: "db",
      namespace: "n",
      labels: { app: "db" },
      annotations: { note: "x", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    },
    subsets: subsets.map(subset),
  };
}

function show(step: MirrorStep): string {
  if (step.kind === "delete") return `delete ${step.slice.metadata?.name ?? ""}`;
  const { addressType, endpoints: list, ports } = step.content;
  const addresses = list.map(
    (it) => `${it.addresses.join()}${it.conditions?.ready === true ? "" : "!"}`,
  );
  const shown = ports.map((it) => `${it.name ?? ""}=${it.port ?? 0}/${it.protocol ?? ""}`);
  const name = step.kind === "update" ? ` ${step.slice.metadata?.name ?? ""}` : "";
  return `${step.kind}${name} ${addressType} ${addresses.join(" ")} ${shown.join()}`;
}

/** The slices that the steps leave behind, with the names s0, s1, … */
function apply(before: readonly EndpointSlice[], steps: readonly MirrorStep[]): EndpointSlice[] {
  const gone = new Set(steps.flatMap((it) => (it.kind === "create" ? [] : [it.slice])));
  const made = steps.flatMap((it, index): EndpointSlice[] => {
    if (it.kind === "delete") return [];
    const { labels, annotations, ...content } = it.content;
    const name = it.kind === "update" ? (it.slice.metadata?.name ?? "") : `s${index}`;
    return [
      { ...content, endpoints: [...content.endpoints], metadata: { name, labels, annotations } },
    ];
  });
  return [...before.filter((it) => !gone.has(it)), ...made];
}

const cases: [before: string[], after: string[] | undefined, want: string][] = [
  [[], ["10.0.0.1 10.0.0.2!:80"], "create IPv4 10.0.0.1 10.0.0.2! =80/TCP"],
  [["10.0.0.1:80"], ["10.0.0.1:80"], ""],
  [["10.0.0.1:80"], ["10.0.0.2:80"], "update s0 IPv4 10.0.0.2 =80/TCP"],
  [["10.0.0.1:80"], ["10.0.0.1:web=80"], "update s0 IPv4 10.0.0.1 web=80/TCP"],
  [["10.0.0.1:80", "10.0.0.2:81"], ["10.0.0.2:81"], "delete s0"],
  [["10.0.0.1:80"], undefined, "delete s0"],
  [["10.0.0.1:80"], [], "delete s0"],
  [[], ["10.0.0.1 fd00::1:80"], "create IPv4 10.0.0.1 =80/TCP, create IPv6 fd00::1 =80/TCP"],
  [[], ["10.0.0.1:80", "10.0.0.2:80"], "create IPv4 10.0.0.1 10.0.0.2 =80/TCP"],
];
for (const [before, after, want] of cases) {
  test(`planMirror: [${before.join("; ")}] -> [${after?.join("; ") ?? "none"}]: ${want}`, () => {
    const slices = apply([], planMirror(endpoints(...before), []));
    const wanted = after === undefined ? undefined : endpoints(...after);
    const steps = planMirror(wanted, slices);
    assert.equal(steps.map(show).join(", "), want);
    assert.deepEqual(planMirror(wanted, apply(slices, steps)), []);
  });
}

test("planMirror: labels and annotations go with it, but for those about the object itself", () => {
  const [step] = planMirror(endpoints("10.0.0.1:80"), []);
  assert.ok(step?.kind === "create");
  assert.deepEqual(step.content.labels, {
    app: "db",
    "kubernetes.io/service-name": "db",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  assert.deepEqual(step.content.annotations, { note: "x" });
});

test("planMirror: no more addresses than the bound", () => {
  const many = Array.from(
    { length: addressesPerSubsetMax + 5 },
    (_, it) => `10.0.${it >> 8}.${it & 255}`,
  );
  const [step] = planMirror(endpoints(`${many.join(" ")}:80`), []);
  assert.ok(step?.kind === "create");
  assert.equal(step.content.endpoints.length, addressesPerSubsetMax);
});

const plain: Service = { metadata: { name: "db" }, spec: {} };
const mirrored: [
  name: string,
  given: Endpoints | undefined,
  service: Service | undefined,
  want: boolean,
][] = [
  ["a service without a selector", endpoints(), plain, true],
  ["no Endpoints", undefined, plain, false],
  ["no service", endpoints(), undefined, false],
  ["a selector", endpoints(), { spec: { selector: { app: "db" } } }, false],
  [
    "asked not to",
    { metadata: { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } } },
    plain,
    false,
  ],
  [
    "a lock",
    { metadata: { annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } } },
    plain,
    false,
  ],
];
for (const [name, given, service, want] of mirrored) {
  test(`isMirrored: ${name} -> ${want}`, () => {
    assert.equal(isMirrored(given, service), want);
  });
}
