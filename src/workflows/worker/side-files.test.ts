import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash, sql } from "#dag/authoring/operators.ts";
import { expand } from "#dag/authoring/task.ts";
import { render } from "#dag/template/render.ts";
import { loadTemplates, takeSideFiles, templateSources } from "./side-files.ts";

function folderOf(files: Readonly<Record<string, string | Uint8Array>>): {
  readonly folder: string;
} & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "gantry-side-files-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return {
    folder,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

test("side files: templates and files that a DAG names belong to its version", () => {
  using at = folderOf({
    "etl/load.sh": "echo {{ ds }}",
    "etl/queries/a.sql": "select 'a'",
    "etl/queries/b.sql": "select 'b'",
    "etl/limits/x.csv": "1,2",
  });
  const { model } = dag("d", { files: ["limits/*.csv"], templateSearchpath: "queries" }, () => {
    bash("load", { command: "load.sh", cwd: "/tmp" });
    bash("text", { command: "other.sh " });
    expand(sql, "each", { connection: "shop" }, { sql: ["a.sql", "select 1"] });
  });
  const trace = { files: {}, looked: {} };
  const taken = takeSideFiles(model, { folder: at.folder, file: "etl/d.ts" }, trace);
  assert.deepEqual(trace.files, {
    "etl/limits/x.csv": "1,2",
    "etl/load.sh": "echo {{ ds }}",
    "etl/queries/a.sql": "select 'a'",
  });
  assert.deepEqual(
    taken.tasks.map((it) => [it.arguments, it.expand?.over]),
    [
      [{ command: { $file: "etl/load.sh" }, cwd: "/tmp" }, undefined],
      [{ command: "other.sh " }, undefined],
      [{ connection: "shop" }, { sql: [{ $file: "etl/queries/a.sql" }, "select 1"] }],
    ],
  );
  const code = { bundleFolder: at.folder, file: "etl/d.ts", dagsFolder: "/nowhere" };
  assert.equal(loadTemplates({ $file: "etl/load.sh" }, code), "echo {{ ds }}");
});

test("side files: so do the templates that those extend, include and import", () => {
  using at = folderOf({
    "etl/load.sql": "{% extends 'base.sql' %}{% block body %}{{ q('a') }}{% endblock %}",
    "etl/sql/base.sql":
      "{% from 'quote.sql' import q %}-- {% include 'no.sql' ignore missing %}{% block body %}{% endblock %}",
    "etl/sql/quote.sql": '{% macro q(name) %}"{{ name }}"{% endmacro %}',
  });
  const { model } = dag("d", { templateSearchpath: "sql" }, () => {
    sql("load", { connection: "shop", sql: "load.sql" });
    bash("inline", { command: "{% include 'quote.sql' %}" });
  });
  const trace = { files: {}, looked: {} };
  const { tasks } = takeSideFiles(model, { folder: at.folder, file: "etl/d.ts" }, trace);
  const quote = { "quote.sql": "etl/sql/quote.sql" };
  assert.deepEqual(Object.fromEntries(tasks.map((it) => [it.id, it.templateFiles])), {
    inline: quote,
    load: { "base.sql": "etl/sql/base.sql", ...quote },
  });
  assert.deepEqual(Object.keys(trace.files).sort(), [
    "etl/load.sql",
    "etl/sql/base.sql",
    "etl/sql/quote.sql",
  ]);
  const load = tasks.find((it) => it.id === "load");
  assert.ok(load);
  const code = { bundleFolder: at.folder, file: "etl/d.ts", dagsFolder: "/nowhere" };
  const sources = templateSources(load, code);
  const text = "{% extends 'base.sql' %}{% block body %}x{% endblock %}";
  assert.equal(
    render(text, () => undefined, sources),
    "-- x",
  );
  assert.equal(sources("nope.sql"), undefined);

  const other = dag("d", {}, () => bash("run", { command: "{% include 'gone.sh' %}" })).model;
  assert.throws(
    () => takeSideFiles(other, { folder: at.folder, file: "etl/d.ts" }, trace),
    /task run: there is no file 'gone\.sh' in etl/,
  );
});

test("side files: what is not there, outside, or no text is named", () => {
  using at = folderOf({ "d.ts": "", "picture.png": Uint8Array.of(0x89, 0xff, 0x00) });
  function take(options: { readonly files?: readonly string[] }, command: string): void {
    const { model } = dag("d", options, () => bash("run", { command }));
    takeSideFiles(model, { folder: at.folder, file: "d.ts" }, { files: {}, looked: {} });
  }
  assert.throws(() => {
    take({}, "run.sh");
  }, /task run: there is no file 'run.sh' in the folder of DAGs; a space after it makes it a text/);
  assert.throws(() => {
    take({}, "../run.sh");
  }, /'\.\.\/run\.sh' is outside the folder of DAGs/);
  assert.throws(() => {
    take({ files: ["*.csv"] }, "true");
  }, /no file is named by '\*\.csv'/);
  assert.throws(() => {
    take({ files: ["*.png"] }, "true");
  }, /picture\.png is not a text/);
});
