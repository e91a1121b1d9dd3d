import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expand } from "./expand.ts";

const environment: Readonly<Record<string, string>> = {
  home: "/root",
  empty: "",
  file: "archive.tar.gz",
  path: "a/b/c",
  spaced: "one  two",
  star: "a*b",
  ключ: "значение",
};

function lookUp(name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined;
}

const texts: readonly (readonly [given: string, want: string])[] = [
  ["plain text", "plain text"],
  ["$home/x", "/root/x"],
  ["${home}x", "/rootx"],
  ["$homex", ""],
  ["$ключ", "значение"],
  ["$1 and $? and $", " and  and $"],
  ["$12x", "x"],
  ["\\$home", "$home"],
  ["'$home'", "$home"],
  ['"$home"', "/root"],
  ['"\\$home \\" \\\\ \\n"', '$home " \\ \\n'],
  ["a\\ b", "a b"],
  ["end\\", "end"],
  ["${empty:-default}", "default"],
  ["${empty-default}", ""],
  ["${none-default}", "default"],
  ["${none:-$home}", "/root"],
  ["${none:-${none:-deep}}", "deep"],
  ["${none:-'a}b'}", "a}b"],
  ["${home:+set}", "set"],
  ["${empty:+set}", ""],
  ["${empty+set}", "set"],
  ["${none+set}", ""],
  ["${home:?no home}", "/root"],
  ["${empty?no}", ""],
  ["${file#*.}", "tar.gz"],
  ["${file##*.}", "gz"],
  ["${file%.*}", "archive.tar"],
  ["${file%%.*}", "archive"],
  ["${file#a?c}", "hive.tar.gz"],
  ["${file%nothing}", "archive.tar.gz"],
  ["${path#*/}", "b/c"],
  ["${path%/*}", "a/b"],
  ["${path/\\//-}", "a-b/c"],
  ["${path//\\//-}", "a-b-c"],
  ["${path/b/$home}", "a//root/c"],
  ["${path//?/x}", "xxxxx"],
  ["${star#a\\*}", "b"],
  ["${star/\\*/+}", "a+b"],
  ["${none//a/b}", ""],
  ["<file", "<file"],
];

for (const [given, want] of texts) {
  test(`expand: ${given} -> ${want}`, () => {
    assert.equal(expand(given, lookUp, { escape: "\\" }).text, want);
  });
}

const faults: readonly (readonly [given: string, want: RegExp])[] = [
  ["'open", /missing the closing single quote/],
  ['"open', /missing the closing double quote/],
  ["${home", /unsupported modifier|missing '}'/],
  ["${home:-x", /missing '}'/],
  ["${path/a", /missing '\/'/],
  ["${}", /bad substitution/],
  ["${:x}", /bad substitution/],
  ["${home:x}", /unsupported modifier \(:x\)/],
  ["${home:#x}", /unsupported modifier \(:#\)/],
  ["${home^}", /unsupported modifier \(\^\)/],
  ["${none?}", /none: is not allowed to be unset/],
  ["${empty:?}", /empty: is not allowed to be empty/],
  ["${none:?give it}", /none: give it/],
  ["${home#\\a}", /invalid escape/],
];

for (const [given, want] of faults) {
  test(`expand: ${given} is refused`, () => {
    assert.throws(() => expand(given, lookUp, { escape: "\\" }), want);
  });
}

const words: readonly (readonly [given: string, want: readonly string[]])[] = [
  ["a b\tc", ["a", "b", "c"]],
  ["a${spaced}b", ["aone", "twob"]],
  ['a"${spaced}"b', ["aone  twob"]],
  ["a\\ b c", ["a b", "c"]],
  ["  'a b'  ", ["a b"]],
  ["$empty", []],
];

for (const [given, want] of words) {
  test(`expand: the words of ${given} are ${want.join("|")}`, () => {
    assert.deepEqual(expand(given, lookUp, { escape: "\\" }).words, want);
  });
}

test("expand: the escape character may be a backtick", () => {
  const options = { escape: "`" } as const;
  assert.equal(expand("C:\\x `$home $home", lookUp, options).text, "C:\\x $home /root");
});

test("expand: says which variables were used and which are not set", () => {
  const { used, unset } = expand("$home ${none:-$path} $other ${third}", lookUp, { escape: "\\" });
  assert.deepEqual([...used].toSorted(), ["home", "path"]);
  assert.deepEqual([...unset].toSorted(), ["other", "third"]);
});

test("expand: what is not set can be kept as it is written", () => {
  const options = { escape: "\\", keepUnset: true } as const;
  const given = "$none ${none} ${none:-x} ${none/a/b} $home";
  assert.equal(expand(given, lookUp, options).text, "$none ${none} ${none:-x} ${none/a/b} /root");
});

test("expand: single quotes give back any text without them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      fc.pre(!text.includes("'"));
      assert.equal(expand(`'${text}'`, lookUp, { escape: "\\" }).text, text);
    }),
  );
});

test("expand: a prefix and what is left of a value are the value", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z./*]{0,12}$/),
      fc.stringMatching(/^[a-z./*?]{0,5}$/),
      (value, pattern) => {
        function one(): string {
          return value;
        }
        const options = { escape: "\\" } as const;
        const short = expand(`\${v#${pattern}}`, one, options).text;
        const long = expand(`\${v##${pattern}}`, one, options).text;
        assert.ok(value.endsWith(short));
        assert.ok(short.endsWith(long) || pattern.startsWith("#"));
      },
    ),
  );
});
