import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateSigningRequest, Node } from "#api/gen/types.ts";
import { deletionTime, planSigning, signers, type RequestContent } from "./plan.ts";

const subject = { commonName: "system:node:a", organizations: ["system:nodes"] };
const node: Node = {
  metadata: { name: "a" },
  status: {
    addresses: [
      { type: "InternalIP", address: "10.0.0.1" },
      { type: "Hostname", address: "kubernetes" },
    ],
  },
};

function request(
  signerName: string,
  spec: Partial<CertificateSigningRequest["spec"]> = {},
  ...conditions: string[]
): CertificateSigningRequest {
  const needed = signerName === signers.nodeServing ? "server auth" : "client auth";
  return {
    metadata: { name: "r", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      request: "",
      signerName,
      usages: [needed, "digital signature"],
      username: "system:node:a",
      groups: ["system:nodes"],
      ...spec,
    },
    status: {
      conditions: conditions.map((type) => ({
        type,
        status: "True",
        lastUpdateTime: "2026-01-01T02:00:00Z",
      })),
    },
  };
}

type Row = [
  why: string,
  given: CertificateSigningRequest,
  content: Partial<RequestContent>,
  want: string,
];

const { client, nodeClient, nodeServing } = signers;
const boot = { username: "system:bootstrap:abc", groups: ["system:bootstrappers"] };
const host = { hosts: ["10.0.0.1", "a"] };
const rows: Row[] = [
  ["a new node", request(nodeClient, boot), {}, "approve-if nodeclient"],
  ["a node's renewal", request(nodeClient), {}, "approve-if selfnodeclient"],
  ["another organization", request(nodeClient), { organizations: ["system:masters"] }, "none"],
  ["one organization more", request(nodeClient), { organizations: ["system:nodes", "x"] }, "none"],
  ["no node's name", request(nodeClient), { commonName: "admin" }, "none"],
  ["an empty node's name", request(nodeClient), { commonName: "system:node:" }, "none"],
  ["a client with hosts", request(nodeClient), host, "none"],
  [
    "a client that serves",
    request(nodeClient, { usages: ["client auth", "server auth"] }),
    {},
    "none",
  ],
  ["usages lack the signature", request(nodeClient, { usages: ["client auth"] }), {}, "none"],
  ["denied", request(nodeClient, {}, "Denied"), {}, "none"],
  ["failed", request(nodeClient, {}, "Approved", "Failed"), {}, "none"],
  ["approved", request(nodeClient, {}, "Approved"), {}, "sign client auth"],
  ["approved, unfit", request(nodeClient, {}, "Approved"), host, "fail"],
  ["serving for itself", request(nodeServing), host, "approve"],
  ["serving for no host", request(nodeServing), {}, "none"],
  ["serving for another address", request(nodeServing), { hosts: ["10.0.0.2"] }, "none"],
  ["serving for a name it only reports", request(nodeServing), { hosts: ["kubernetes"] }, "none"],
  ["serving asked by another", request(nodeServing, { username: "system:node:b" }), host, "none"],
  ["serving asked by a token", request(nodeServing, boot), host, "none"],
  ["serving without the group", request(nodeServing, { groups: [] }), host, "none"],
  ["serving approved", request(nodeServing, {}, "Approved"), host, "sign server auth"],
  ["a person's client", request(client), { commonName: "jane", organizations: [] }, "none"],
  [
    "the same, approved",
    request(client, {}, "Approved"),
    { commonName: "jane" },
    "sign client auth",
  ],
  ["masters", request(client, {}, "Approved"), { organizations: ["system:masters"] }, "fail"],
  ["another signer", request("example.com/x", {}, "Approved"), {}, "none"],
];

for (const [why, given, content, want] of rows) {
  test(`planSigning: ${why} -> ${want}`, () => {
    const step = planSigning(given, { ...subject, hosts: [], ...content }, node);
    const detail =
      step.kind === "sign"
        ? ` ${step.profile.usages.join()}`
        : step.kind === "approve-if"
          ? ` ${step.subresource}`
          : "";
    assert.equal(step.kind + detail, want);
  });
}

test("planSigning: a serving request waits for its node", () => {
  const content = { ...subject, hosts: ["10.0.0.1"] };
  assert.equal(planSigning(request(nodeServing), content, undefined).kind, "none");
});

test("planSigning: lifetimes between ten minutes and a year", () => {
  for (const [seconds, want] of [
    [undefined, 31_536_000],
    [3_600, 3_600],
    [1, 600],
    [1e9, 31_536_000],
  ] as const) {
    const given = request(client, { expirationSeconds: seconds }, "Approved");
    const step = planSigning(given, { ...subject, hosts: [] }, undefined);
    assert.equal(step.kind === "sign" ? step.profile.lifetimeMs / 1_000 : 0, want);
  }
});

test("deletionTime", () => {
  const signed = request(nodeClient, {}, "Approved");
  const rows: [given: CertificateSigningRequest, want: string][] = [
    [request(nodeClient), "2026-01-02T00:00:00Z"],
    [signed, "2026-01-02T00:00:00Z"],
    [{ ...signed, status: { ...signed.status, certificate: "YQ==" } }, "2026-01-01T03:00:00Z"],
    [request(nodeClient, {}, "Denied"), "2026-01-01T03:00:00Z"],
  ];
  for (const [given, want] of rows) assert.equal(deletionTime(given), Date.parse(want));
});
