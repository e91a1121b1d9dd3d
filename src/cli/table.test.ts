import assert from "node:assert/strict";
import { test } from "node:test";
import { formatWireTable, type WireTable } from "./table.ts";

const table: WireTable = {
  columnDefinitions: [{ name: "Name" }, { name: "Ready" }, { name: "IP", priority: 1 }],
  rows: [
    {
      cells: ["web-1", "1/1", "10.0.0.1"],
      object: { metadata: { namespace: "a", labels: { x: "y" } } },
    },
    { cells: ["longer-name", "0/1", null], object: { metadata: { namespace: "b" } } },
  ],
};

const cases: [view: string, want: string][] = [
  ["", "NAME          READY\nweb-1         1/1\nlonger-name   0/1\n"],
  ["wide", "NAME          READY   IP\nweb-1         1/1     10.0.0.1\nlonger-name   0/1\n"],
  [
    "namespace labels",
    "NAMESPACE   NAME          READY   LABELS\na           web-1         1/1     x=y\nb           longer-name   0/1     <none>\n",
  ],
];

for (const [view, want] of cases) {
  test(`formatWireTable: ${view === "" ? "plain" : view}`, () => {
    const withNamespace = view.includes("namespace");
    const got = formatWireTable(table, {
      wide: view.includes("wide"),
      withNamespace,
      withLabels: view.includes("labels"),
    });
    assert.equal(got, want);
  });
}

test("formatWireTable: no rows are nothing to show", () => {
  const view = { wide: false, withNamespace: false, withLabels: false };
  assert.equal(formatWireTable({ columnDefinitions: [], rows: [] }, view), undefined);
});
