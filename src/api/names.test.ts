import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { seededRandom } from "#base/random.ts";
import {
  configMapKeyFaults,
  dns1035LabelFaults,
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  envVarNameFaults,
  generateName,
  headerNameFaults,
  identifierFaults,
  labelValueFaults,
  pathSegmentFaults,
  percentFaults,
  portNameFaults,
  portNumberFaults,
  prefixFaultsBy,
  qualifiedNameFaults,
  relaxedEnvVarNameFaults,
  wildcardSubdomainFaults,
} from "./names.ts";

type Rule = (value: string) => readonly string[];

function good(rule: Rule, values: readonly string[]): void {
  for (const value of values) assert.deepEqual(rule(value), [], `${rule.name} ${value}`);
}

function bad(rule: Rule, values: readonly string[]): void {
  for (const value of values) {
    assert.notDeepEqual(rule(value), [], `${rule.name} ${JSON.stringify(value)}`);
  }
}

test("names: which values pass", () => {
  good(dns1123LabelFaults, ["a", "my-name", "1a", "a--b", "a".repeat(63)]);
  bad(dns1123LabelFaults, ["", "A", "a.b", "-a", "a-", "a_b", "a\n", "é", "a".repeat(64)]);
  good(dns1123SubdomainFaults, ["a", "a.b", "1.2", "a-b.c", "a".repeat(253)]);
  bad(dns1123SubdomainFaults, ["", ".a", "a.", "a..b", "a.-b", "A.b", "a".repeat(254)]);
  good(dns1035LabelFaults, ["a", "a1", "a-b"]);
  bad(dns1035LabelFaults, ["1a", "a.b", "", "a".repeat(64)]);
  good(wildcardSubdomainFaults, ["*.a", "*.a.b"]);
  bad(wildcardSubdomainFaults, ["*", "*a", "a.b", "*.*.a", "*."]);
  good(qualifiedNameFaults, ["a", "A.b_C-9", "example.com/Name", "1"]);
  bad(qualifiedNameFaults, ["", "/a", "a/", "a/b/c", "Ex.com/x", "_a", "a ", "é"]);
  good(labelValueFaults, ["", "a", "A.b_c-9", "a".repeat(63)]);
  bad(labelValueFaults, ["-a", "a.", "a b", "a/b", "a".repeat(64)]);
  good(pathSegmentFaults, ["a", "...", "a b", "system:node"]);
  bad(pathSegmentFaults, [".", "..", "a/b", "a%2f"]);
  good(configMapKeyFaults, ["a", "key.name", ".a", "-"]);
  bad(configMapKeyFaults, ["", ".", "..", "..a", "a/b", "a".repeat(254)]);
  good(envVarNameFaults, ["A", "a.b", "_x", "-"]);
  bad(envVarNameFaults, ["1A", "", "A=B", "..", "A B"]);
  good(relaxedEnvVarNameFaults, ["1A", "A B", "..", "!"]);
  bad(relaxedEnvVarNameFaults, ["", "A=B", "é", "\n"]);
  good(portNameFaults, ["http", "a-1", "1a"]);
  bad(portNameFaults, ["", "123", "Http", "a--b", "-a", "a-", "a".repeat(16)]);
  good(identifierFaults, ["_a1", "A"]);
  bad(identifierFaults, ["1a", "", "a-b"]);
  good(percentFaults, ["5%", "100%"]);
  bad(percentFaults, ["%", "5", "-5%", "5%%"]);
  good(headerNameFaults, ["X-Header"]);
  bad(headerNameFaults, ["", "X Header", "X_Header"]);
  assert.deepEqual(portNumberFaults(65_535), []);
  assert.deepEqual(portNumberFaults(0), ["must be between 1 and 65535, inclusive"]);
});

test("names: messages that clients show", () => {
  const table: [Rule, string, string[]][] = [
    [
      dns1123LabelFaults,
      "Web",
      [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [dns1123LabelFaults, "a.b", ["must not contain dots"]],
    [
      dns1123SubdomainFaults,
      "Web",
      [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    [qualifiedNameFaults, "/a", ["prefix part must be non-empty"]],
    [
      qualifiedNameFaults,
      "a/b/c",
      [
        "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      ],
    ],
    [labelValueFaults, "a".repeat(64), ["must be no more than 63 bytes"]],
    [pathSegmentFaults, "a/b%", ["may not contain '/'", "may not contain '%'"]],
    [configMapKeyFaults, "..a", ["must not start with '..'"]],
  ];
  for (const [rule, given, want] of table) assert.deepEqual(rule(given), want);
});

test("prefixFaultsBy: a trailing dash is part of a prefix", () => {
  assert.deepEqual(prefixFaultsBy(dns1123LabelFaults, "web-"), []);
  assert.notDeepEqual(prefixFaultsBy(dns1123LabelFaults, "Web-"), []);
  assert.notDeepEqual(prefixFaultsBy(dns1123LabelFaults, "-"), []);
});

test("generateName: five characters of the alphabet, at most 63 in all", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 80 }), (seed, length) => {
      const base = "a".repeat(length);
      const name = generateName(base, seededRandom(seed));
      assert.match(name, /^a*[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      assert.equal(name.length, Math.min(length, 58) + 5);
    }),
  );
});
