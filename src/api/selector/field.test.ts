import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkFields,
  fieldSelectorLengthMax,
  formatFieldSelector,
  matchesFields,
  parseFieldSelector,
  requiredField,
} from "./field.ts";

// Recorded from Go's fields.ParseSelector of release 1.36.
const accepted: readonly (readonly [given: string, text: string])[] = [
  ["", ""],
  ["a=b", "a=b"],
  ["a==b", "a=b"],
  ["a!=b", "a!=b"],
  ["a.b=c,d!=e", "a.b=c,d!=e"],
  ["a=b,,c=d", "a=b,c=d"],
  ["a=b\\,c", "a=b\\,c"],
  ["a=b\\=c", "a=b\\=c"],
  ["a=b\\\\", "a=b\\\\"],
  ["a=", "a="],
  ["=b", "=b"],
  ["a!=", "a!="],
  ["a=!b", "a=!b"],
  ["!=a", "!=a"],
  ["a=b, c=d", " c=d,a=b"],
  [",", ""],
  ["a=\\,", "a=\\,"],
];

const refused: readonly (readonly [given: string, message: string])[] = [
  ["a", "invalid selector: 'a'; can't understand 'a'"],
  ["a=b=c", "invalid field selector: unescaped character in value: 61"],
  ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ["a=b\\x", "invalid field selector: invalid escape sequence: \\x"],
  ["a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"],
  ["a===b", "invalid field selector: unescaped character in value: 61"],
];

test("parseFieldSelector: as Go reads and prints it", () => {
  for (const [given, text] of accepted) {
    assert.equal(formatFieldSelector(parseFieldSelector(given)), text, given);
  }
});

test("parseFieldSelector: refuses with Go's message", () => {
  for (const [given, message] of refused) {
    assert.throws(() => parseFieldSelector(given), { code: 400, message }, given);
  }
  const long = `a=${"b".repeat(fieldSelectorLengthMax)}`;
  assert.throws(() => parseFieldSelector(long), { code: 400 });
});

test("matchesFields: all terms must hold, an absent field is empty", () => {
  const values: Record<string, string> = { "spec.nodeName": "n1", "metadata.name": "a" };
  const valueOf = (field: string): string => values[field] ?? "";
  const table: [string, boolean][] = [
    ["", true],
    ["spec.nodeName=n1", true],
    ["spec.nodeName=n2", false],
    ["spec.nodeName!=n2", true],
    ["spec.nodeName!=n1", false],
    ["spec.nodeName=n1,metadata.name=a", true],
    ["spec.nodeName=n1,metadata.name=b", false],
    ["status.phase=", true],
    ["status.phase!=", false],
  ];
  for (const [given, want] of table) {
    assert.equal(matchesFields(parseFieldSelector(given), valueOf), want, given);
  }
});

test("checkFields: name and namespace always, others as the kind says", () => {
  const pods = { selectableFields: ["spec.nodeName", "status.phase"] };
  const roles = { selectableFields: [] };
  checkFields(parseFieldSelector("metadata.name=a,metadata.namespace!=b,spec.nodeName=n"), pods);
  checkFields(parseFieldSelector("metadata.name=a"), roles);
  assert.throws(
    () => {
      checkFields(parseFieldSelector("spec.image=x"), pods);
    },
    { code: 400, message: "field label not supported: spec.image" },
  );
  assert.throws(
    () => {
      checkFields(parseFieldSelector("spec.x=x"), roles);
    },
    {
      code: 400,
      message: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    },
  );
});

test("requiredField: the value of an equality", () => {
  const selector = parseFieldSelector("spec.nodeName=n1,metadata.name!=a");
  assert.equal(requiredField(selector, "spec.nodeName"), "n1");
  assert.equal(requiredField(selector, "metadata.name"), undefined);
});
