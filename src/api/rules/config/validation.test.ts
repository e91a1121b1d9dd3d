import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const big = "x".repeat(1024 * 1024 + 1);
const metadata = { name: "a", namespace: "default" };
const map: JsonObject = { metadata, data: { "a-b_c": "1" }, binaryData: { b: "YQ==" } };

testFaults("", "configmaps", map, [
  ["data", { "a b": "1" }, "Invalid data[a b] ~ a valid config key must consist of"],
  ["data", { "..": "1" }, "Invalid data[..]"],
  [
    "binaryData",
    { "a-b_c": "YQ==" },
    "Invalid data[a-b_c] ~ duplicate of key present in binaryData",
  ],
]);

testUpdateFaults("", "configmaps", map, [
  ["data", { a: "2" }, ""],
  ["immutable", true, ""],
]);
testUpdateFaults("", "configmaps", { ...map, immutable: true }, [
  ["immutable", false, "Forbidden immutable ~ field is immutable when `immutable` is set"],
  ["data", {}, "Forbidden data ~ field is immutable when `immutable` is set"],
  ["binaryData", {}, "Forbidden binaryData ~ field is immutable when `immutable` is set"],
]);

testFaults("", "secrets", { metadata, data: { a: "YQ==" } }, [
  ["data", { "a b": "YQ==" }, "Invalid data[a b]"],
  ["type", "kubernetes.io/tls", "Required data[tls.crt] ; Required data[tls.key]"],
  ["type", "kubernetes.io/dockerconfigjson", "Required data[.dockerconfigjson]"],
  ["type", "kubernetes.io/ssh-auth", "Required data[ssh-privatekey]"],
  [
    "type",
    "kubernetes.io/service-account-token",
    "Required metadata.annotations[kubernetes.io/service-account.name]",
  ],
]);

testUpdateFaults("", "secrets", { metadata, type: "a/b", data: { a: "YQ==" } }, [
  ["data", { a: "Yg==" }, ""],
  ["type", "Opaque", "Invalid type ~ field is immutable"],
]);
testUpdateFaults("", "secrets", { metadata, immutable: true, data: { a: "YQ==" } }, [
  ["data", { a: "Yg==" }, "Forbidden data ~ field is immutable when `immutable` is set"],
]);

test("data may be one mebibyte", () => {
  const tooMuch = { metadata, data: { a: big } };
  assert.equal(strategyFor("", "configmaps").validate(tooMuch)[0]?.reason, "FieldValueTooLong");
  const bytes = { metadata, type: "a/b", data: { a: Buffer.from(big).toString("base64") } };
  assert.equal(strategyFor("", "secrets").validate(bytes)[0]?.field, "data");
});

test("columns of secrets, config maps and service accounts", () => {
  const object = { metadata: { name: "a" }, type: "Opaque", data: { a: "", b: "" } };
  assert.deepEqual(strategyFor("", "secrets").cells(object, 0), ["a", "Opaque", 2, "<unknown>"]);
  assert.deepEqual(strategyFor("", "configmaps").cells(object, 0), ["a", 2, "<unknown>"]);
  assert.deepEqual(strategyFor("", "serviceaccounts").cells(object, 0), ["a", "<unknown>"]);
});
