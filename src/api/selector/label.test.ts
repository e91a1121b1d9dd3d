import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { StatusError } from "#api/status.ts";
import {
  everything,
  formatLabelSelector,
  labelSelectorOf,
  matchesLabels,
  nothing,
  requiredLabel,
  selectorOfLabels,
  type Labels,
} from "./label.ts";
import { labelSelectorLengthMax, parseLabelSelector } from "./parse-label.ts";

const sets: readonly (Labels | undefined)[] = [
  undefined,
  { x: "" },
  { x: "a" },
  { x: "5" },
  { x: "a", y: "b" },
  { y: "c" },
  { in: "in" },
  { "a.b/c": "a" },
];

/** Recorded from Go's labels.Parse of release 1.36; `selects` are places in the list of sets. */
const accepted: readonly (readonly [given: string, text: string, selects: readonly number[]])[] = [
  ["", "", [0, 1, 2, 3, 4, 5, 6, 7]],
  ["x", "x", [1, 2, 3, 4]],
  ["!x", "!x", [0, 5, 6, 7]],
  ["x=a", "x=a", [2, 4]],
  ["x==a", "x==a", [2, 4]],
  ["x!=a", "x!=a", [0, 1, 3, 5, 6, 7]],
  ["x in (a)", "x in (a)", [2, 4]],
  ["x in (a,b)", "x in (a,b)", [2, 4]],
  ["x notin (a,b)", "x notin (a,b)", [0, 1, 3, 5, 6, 7]],
  ["x in ()", "x in ()", [1]],
  ["x in (,)", "x in ()", [1]],
  ["x in (a,)", "x in (,a)", [1, 2, 4]],
  ["x in (,a)", "x in (,a)", [1, 2, 4]],
  ["x in (a,,b)", "x in (,a,b)", [1, 2, 4]],
  ["x notin ()", "x notin ()", [0, 2, 3, 4, 5, 6, 7]],
  ["x>3", "x>3", [3]],
  ["x<6", "x<6", [3]],
  ["x> 3 , y", "x>3,y", []],
  ["x=a,y=b", "x=a,y=b", [4]],
  ["y=b,x=a", "x=a,y=b", [4]],
  ["x in (b,a),!y", "x in (a,b),!y", [2]],
  [" x = a ", "x=a", [2, 4]],
  ["x=", "x=", [1]],
  ["x=,y", "x=,y", []],
  ["x!=", "x!=", [0, 2, 3, 4, 5, 6, 7]],
  ["x==", "x==", [1]],
  ["x in (in,notin)", "x in (in,notin)", []],
  ["in in (in)", "in in (in)", [6]],
  ["notin", "notin", []],
  ["in", "in", [6]],
  ["x=a,x=b", "x=a,x=b", []],
  ["a.b/c=a", "a.b/c=a", [7]],
  ["x\t=\na", "x=a", [2, 4]],
  ["x in(a)", "x in (a)", [2, 4]],
  ["x=a,y,!z,w notin (q,r)", "w notin (q,r),x=a,y,!z", [4]],
];

const refused: readonly (readonly [given: string, message: string])[] = [
  [
    "x>a",
    "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  ["!x=a", "found '=', expected: ',' or 'end of string'"],
  ["x a", "unable to parse requirement: found 'a', expected: in, notin, =, ==, !=, gt, lt"],
  ["x in a", "unable to parse requirement: found 'a' expected: '('"],
  ["x in (a", "unable to parse requirement: found '', expected: ',' or ')'"],
  ["x in", "unable to parse requirement: found '' expected: '('"],
  ["x in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"],
  ["x,,y", "found ',', expected: identifier after ','"],
  [",x", "found ',', expected: !, identifier, or 'end of string'"],
  ["x,", "found '', expected: identifier after ','"],
  ["x=a,", "found '', expected: identifier after ','"],
  ["!", "unable to parse requirement: found '', expected: identifier"],
  ["!!x", "unable to parse requirement: found '!', expected: identifier"],
  ["=a", "found '=', expected: !, identifier, or 'end of string'"],
  ["x===a", "unable to parse requirement: found '=', expected: identifier"],
  ["x=)", "unable to parse requirement: found ')', expected: identifier"],
  ["(x)", "found '(', expected: !, identifier, or 'end of string'"],
  ["x in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
  [
    "a/b/c",
    "unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
  ],
  ["/x", 'unable to parse requirement: <nil>: Invalid value: "/x": prefix part must be non-empty'],
  [
    "x/",
    "unable to parse requirement: <nil>: Invalid value: \"x/\": name part must be non-empty; name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  ],
  [
    "x=-a",
    "unable to parse requirement: values[0][x]: Invalid value: \"-a\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
  ["x=a b", "found 'b', expected: ',' or 'end of string'"],
  ["x in ((a))", "unable to parse requirement: found '(', expected: ',', ')' or identifier"],
  [
    "x=é",
    "unable to parse requirement: values[0][x]: Invalid value: \"é\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
  ["x>=3", "unable to parse requirement: found '=', expected: identifier"],
  ["x gt 3", "unable to parse requirement: found 'gt', expected: in, notin, =, ==, !=, gt, lt"],
  [
    "x<",
    "unable to parse requirement: values[0]: Invalid value: \"\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  [
    "x>",
    "unable to parse requirement: values[0]: Invalid value: \"\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  [
    "x>9223372036854775808",
    "unable to parse requirement: values[0]: Invalid value: \"9223372036854775808\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  [
    "x>99999999999999999999",
    "unable to parse requirement: values[0]: Invalid value: \"99999999999999999999\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  ["x in (a)y", "found 'y', expected: ',' or 'end of string'"],
  [
    "x~a",
    "unable to parse requirement: <nil>: Invalid value: \"x~a\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  ],
  ["x notin (a", "unable to parse requirement: found '', expected: ',' or ')'"],
  ["x=a!", "found '!', expected: ',' or 'end of string'"],
  ["x!y", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
  [
    "  x/ / b",
    "unable to parse requirement: <nil>: Invalid value: \"x/\": name part must be non-empty; name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  ],
  [">y(=", "found '>', expected: !, identifier, or 'end of string'"],
  [") ) a ", "found ')', expected: !, identifier, or 'end of string'"],
  [
    "in> 5-",
    "unable to parse requirement: [values[0]: Invalid value: \"5-\": for 'Gt', 'Lt' operators, the value must be an integer, values[0][in]: Invalid value: \"5-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')]",
  ],
  ["(/ ) (=, / ) in", "found '(', expected: !, identifier, or 'end of string'"],
  ["x xy", "unable to parse requirement: found 'xy', expected: in, notin, =, ==, !=, gt, lt"],
  ["=!x ! y=", "found '=', expected: !, identifier, or 'end of string'"],
  ["=in", "found '=', expected: !, identifier, or 'end of string'"],
  [
    "in=/! x",
    "unable to parse requirement: values[0][in]: Invalid value: \"/\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
  ["a x 5 y", "unable to parse requirement: found 'x', expected: in, notin, =, ==, !=, gt, lt"],
  [
    "b >/5y notin (",
    "unable to parse requirement: [values[0]: Invalid value: \"/5y\": for 'Gt', 'Lt' operators, the value must be an integer, values[0][b]: Invalid value: \"/5y\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')]",
  ],
  [
    "/b a)yb/",
    'unable to parse requirement: <nil>: Invalid value: "/b": prefix part must be non-empty',
  ],
  ["( inax/ ( y=", "found '(', expected: !, identifier, or 'end of string'"],
  [
    "notinaanotin  ! ,",
    "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt",
  ],
];

test("parseLabelSelector: as Go reads, prints and matches it", () => {
  for (const [given, text, selects] of accepted) {
    const selector = parseLabelSelector(given);
    assert.equal(formatLabelSelector(selector), text, given);
    const matched = [...sets.keys()].filter((i) => matchesLabels(selector, sets[i]));
    assert.deepEqual(matched, selects, given);
  }
});

test("parseLabelSelector: refuses with Go's message", () => {
  for (const [given, message] of refused) {
    assert.throws(() => parseLabelSelector(given), { code: 400, message }, given);
  }
});

test("parseLabelSelector: a text beyond the bound is refused", () => {
  assert.throws(() => parseLabelSelector("a".repeat(labelSelectorLengthMax + 1)), StatusError);
});

test("parseLabelSelector reads what formatLabelSelector writes", () => {
  const word = fc.stringMatching(/^[a-z]{1,3}$/);
  const term = fc.oneof(
    fc.tuple(word, fc.constantFrom("=", "==", "!="), word).map((it) => it.join("")),
    fc
      .tuple(word, fc.constantFrom("in", "notin"), fc.array(word, { minLength: 1, maxLength: 3 }))
      .map(([key, operator, values]) => `${key} ${operator} (${values.join(",")})`),
    word,
    word.map((it) => `!${it}`),
  );
  fc.assert(
    fc.property(fc.array(term, { maxLength: 4 }), (terms) => {
      const text = formatLabelSelector(parseLabelSelector(terms.join(",")));
      assert.equal(formatLabelSelector(parseLabelSelector(text)), text);
    }),
  );
});

test("matchesLabels: what every object inherits is no label", () => {
  assert.equal(matchesLabels(parseLabelSelector("constructor"), {}), false);
  assert.equal(matchesLabels(parseLabelSelector("!constructor"), {}), true);
});

test("labelSelectorOf: undefined selects nothing, empty everything", () => {
  assert.equal(labelSelectorOf(undefined), nothing);
  assert.equal(matchesLabels(nothing, {}), false);
  assert.deepEqual(labelSelectorOf({}), everything);
  assert.deepEqual(labelSelectorOf({ matchLabels: {} }), everything);
  assert.equal(matchesLabels(everything, undefined), true);
});

test("labelSelectorOf: labels and expressions together", () => {
  const selector = labelSelectorOf({
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["b", "a", "a"] },
      { key: "canary", operator: "DoesNotExist" },
      { key: "zone", operator: "Exists" },
      { key: "env", operator: "NotIn", values: ["prod"] },
    ],
  });
  assert.equal(
    formatLabelSelector(selector),
    "app=web,!canary,env notin (prod),tier in (a,b),zone",
  );
  assert.equal(matchesLabels(selector, { app: "web", tier: "a", zone: "z" }), true);
  assert.equal(matchesLabels(selector, { app: "web", tier: "c", zone: "z" }), false);
});

test("labelSelectorOf: what is wrong with an expression", () => {
  const table: [object, string][] = [
    [{ key: "a", operator: "Near" }, '"Near" is not a valid label selector operator'],
    [
      { key: "a", operator: "In", values: [] },
      "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    [
      { key: "a", operator: "Exists", values: ["b"] },
      'values: Invalid value: ["b"]: values set must be empty for exists and does not exist',
    ],
  ];
  for (const [expression, message] of table) {
    const selector = { matchExpressions: [{ ...expression }] };
    assert.throws(() => labelSelectorOf(selector), { code: 400, message });
  }
});

test("requiredLabel and selectorOfLabels", () => {
  assert.equal(requiredLabel(parseLabelSelector("a=b,c in (d),e in (f,g),h!=i"), "a"), "b");
  assert.equal(requiredLabel(parseLabelSelector("c in (d)"), "c"), "d");
  assert.equal(requiredLabel(parseLabelSelector("e in (f,g)"), "e"), undefined);
  assert.equal(requiredLabel(parseLabelSelector("h!=i"), "h"), undefined);
  assert.equal(formatLabelSelector(selectorOfLabels({ b: "2", a: "1" })), "a=1,b=2");
  assert.deepEqual(selectorOfLabels(undefined), everything);
});
