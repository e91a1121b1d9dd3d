import assert from "node:assert/strict";
import { test } from "node:test";
import { ownNames, registryAddresses } from "./registry-names.ts";

const names: [host: string, own: boolean][] = [
  ["localhost:5000", true],
  ["LOCALHOST:5000", true],
  ["127.0.0.1:5000", true],
  ["192.0.2.1:5000", true],
  ["192.0.2.2:5000", false],
  ["localhost:5001", false],
  ["localhost", false],
  ["docker.io", false],
];

for (const [host, own] of names) {
  test(`ownNames: ${host} is ${own ? "ours" : "another's"}`, () => {
    assert.equal(ownNames(5_000, ["192.0.2.1"])(host), own);
  });
}

test("ownNames: without a registry none is ours", () => {
  assert.equal(ownNames(0, [])("localhost:0"), false);
});

test("registryAddresses: none for an installation that is for this machine alone", () => {
  const address = "192.0.2.1";
  assert.deepEqual(registryAddresses({ host: "127.0.0.1", address }), []);
  assert.deepEqual(registryAddresses({ host: "192.0.2.9", address }), [address, "192.0.2.9"]);
  assert.deepEqual(registryAddresses({ host: "192.0.2.9", address: "127.0.0.1" }), ["192.0.2.9"]);
  assert.equal(registryAddresses({ host: "0.0.0.0", address })[0], address);
});
