import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readCases } from "#testing/case-table.ts";
import { TemplateError } from "./ast.ts";
import { namedTemplates } from "./named-templates.ts";
import { parseTemplate } from "./parse.ts";
import { render } from "./render.ts";
import type { Value } from "./values.ts";

interface Case {
  readonly template: string;
  readonly want?: string;
  readonly fails?: true;
}

const file = new URL("./cases/blocks.json", import.meta.url);
const cases = readCases(file, 80) as readonly Case[];
const { files } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly files: Readonly<Record<string, string>>;
};

const known = new Map<string, Value>([
  ["ds", "2026-03-28"],
  ["which", "middle.sql"],
]);

function rendered(template: string): Pick<Case, "want" | "fails"> {
  try {
    const want = render(
      template,
      (name) => known.get(name),
      (name) => {
        const text = files[name];
        return text === undefined ? undefined : parseTemplate(text);
      },
    );
    return { want };
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    return { fails: true };
  }
}

test("render: macros, blocks, imports and inheritance are Jinja's", () => {
  const wrong = cases.flatMap(({ template, ...want }) => {
    const got = rendered(template);
    return JSON.stringify(got) === JSON.stringify(want) ? [] : [{ template, want, got }];
  });
  assert.deepEqual(wrong, []);
});

test("render: what is wrong with tags is named", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["{% macro m(a) %}{% endmacro %}{{ m() }}", /m\(…\): parameter 'a' was not provided/],
    ["{% macro m() %}{% endmacro %}{{ m(1) }}", /m\(…\) takes at most 0 arguments/],
    ["{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", /nested too deeply/],
    ["{% include 'no.sql' %}", /there is no template 'no\.sql'/],
    ["{% block a %}{% endblock b %}", /'\{% endblock b %\}' ends the block 'a'/],
    ["{% block a %}{% endblock %}{% block a %}{% endblock %}", /'a' is there twice/],
    ["{% if true %}{% extends 'base.sql' %}{% endif %}", /must not be inside another tag/],
    ["{% call ds %}{% endcall %}", /calls nothing/],
  ];
  for (const [template, want] of table) {
    assert.throws(() => render(template, (name) => known.get(name)), want, template);
  }
});

test("namedTemplates: what a template extends, includes and imports", () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ["{% extends 'a.sql' %}{% block x %}{% include 'b.sql' %}{% endblock %}", ["a.sql", "b.sql"]],
    ["{% include ['a.sql', 'b.sql'] %}", ["a.sql?", "b.sql?"]],
    ["{% include 'a.sql' ignore missing %}", ["a.sql?"]],
    ["{%- import 'a.sql' as a %}{% from 'b.sql' import b %}", ["a.sql", "b.sql"]],
    ["{% if ds %}{% extends 'a.sql' if ds else 'b.sql' %}{% endif %}", ["a.sql", "b.sql"]],
    ["{% include which %}", []],
    ["{% include 'a.sql' ", []],
    ["{{ ds }}", []],
  ];
  for (const [template, want] of table) {
    const got = namedTemplates(template).map((it) => `${it.name}${it.optional ? "?" : ""}`);
    assert.deepEqual(got, want, template);
  }
});
