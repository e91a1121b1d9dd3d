import assert from "node:assert/strict";
import { test } from "node:test";
import { fillTemplate } from "./evaluate.ts";
import { formatRows } from "./rows.ts";

const data = {
  A: "x",
  N: 7,
  No: false,
  Nothing: undefined,
  B: { C: 1, D: { E: "deep" } },
  L: ["b", "a"],
  M: { z: "26", a: "1" },
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "443/tcp": null },
  Label: (name: unknown) => `<${String(name)}>`,
};

const templates: [template: string, want: string][] = [
  ["{{.A}}", "x"],
  ["{{ .B.C }}-{{.A}}", "1-x"],
  ["{{json .B}}", '{"C":1,"D":{"E":"deep"}}'],
  ["{{.B}} {{.L}} {{.Nothing}} {{.No}}", "map[C:1 D:map[E:deep]] [b a] <no value> false"],
  ['{{index .B "C"}}{{index .L 1}}', "1a"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  [
    "{{range $p, $conf := .Ports}}{{$p}} -> {{if $conf}}{{(index $conf 0).HostPort}}{{else}}none{{end}};{{end}}",
    "443/tcp -> none;80/tcp -> 8080;",
  ],
  ["{{range .L}}{{.}},{{end}}", "b,a,"],
  ["{{range .Nothing}}a{{else}}none{{end}}", "none"],
  ["{{range $i, $e := .L}}{{if $i}}, {{end}}{{$e}}{{end}}", "b, a"],
  ["{{range .L}}{{break}}{{.}}{{end}}.", "."],
  ['{{range .L}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', "a"],
  ["{{with .B}}{{.C}}{{$.A}}{{end}}", "1x"],
  ["{{with .No}}a{{else}}b{{end}}", "b"],
  ["{{if and .A (not .No)}}yes{{end}}", "yes"],
  ['{{if eq .A "y"}}1{{else if eq .A "z" "x"}}2{{else}}3{{end}}', "2"],
  ["{{if gt .N 5}}big{{end}}{{if lt .N 5}}small{{end}}", "big"],
  ["{{$x := .A}}{{if true}}{{$x = .N}}{{end}}{{$x}}", "7"],
  ['{{join .L ", "}} {{join .M "+"}}', "b, a 1+26"],
  ['{{split "a:b" ":" | json}}', '["a","b"]'],
  ["{{.A | upper | printf `%s-%03d`}}", "X-%!d(MISSING)"],
  ['{{printf "%-4s|%4d|%q|%.2f|%%|%x" .A .N .A 2.5 "hi"}}', 'x   |   7|"x"|2.50|%|6869'],
  ["{{println .A .N}}", "x 7\n"],
  ['{{print "a" 1 2 "b"}}', "a1 2b"],
  ['{{pad .A 1 2}}|{{truncate "abcdef" 3}}|{{title "two words"}}', " x  |abc|Two Words"],
  ['{{slice "abcdef" 1 3}}{{len .L}}{{len "é"}}', "bc22"],
  ['{{.Label "com.example.team"}}', "<com.example.team>"],
  ["a  {{- .A -}}  b {{/* nothing */}}c{{- /* nor */ -}} d", "axb cd"],
  ['{{"}}"}}{{`{{`}}{{"\\t\\x41"}}', "}}{{\tA"],
  ["a\\tb", "a\\tb"],
  ["{{html .A}}{{html `<a href='b'>`}}{{urlquery `a b&c`}}", "x&lt;a href=&#39;b&#39;&gt;a+b%26c"],
];

for (const [template, want] of templates) {
  test(`fillTemplate: ${template}`, () => {
    assert.equal(fillTemplate(template, data), want);
  });
}

const broken: [template: string, why: RegExp][] = [
  ["{{.D}}", /there is no field D/],
  ["{{.A.B}}", /there is no field B/],
  ["{{.toString}}", /there is no field toString/],
  ["{{constructor}}", /function "constructor" not defined/],
  ["{{range .A}}", /has no \{\{end\}\}/],
  ["{{if .A}}{{else}}", /has no \{\{end\}\}/],
  ["{{end}}", /unexpected \{\{end\}\}/],
  ["{{.A", /unclosed action/],
  ["{{(.A}}", /unclosed left paren/],
  ["{{.A)}}", /unexpected "\)"/],
  ["{{nope .A}}", /function "nope" not defined/],
  ["{{$x}}", /undefined variable "\$x"/],
  ["{{.A | }}", /missing value for command/],
  ["{{}}", /missing value for command/],
  ["{{.A .B}}", /can't give argument to non-function/],
  ["{{range .N}}{{end}}", /can't iterate over 7/],
  ["{{index .L 5}}", /index out of range: 5/],
  ["{{index .Nothing 0}}", /index of untyped nil/],
  ['{{template "x"}}', /is not supported/],
  ["{{.A ~}}", /unexpected "~"/],
  [`{{${"(".repeat(200)}1${")".repeat(200)}}}`, /more than 100 brackets/],
];

for (const [template, why] of broken) {
  test(`fillTemplate: ${template.slice(0, 40)} is refused`, () => {
    assert.throws(() => fillTemplate(template, data), why);
  });
}

const rows = [
  { ID: "1", Name: "one", Label: (it: unknown) => `${String(it)}1` },
  { ID: "22", Name: "two", Label: (it: unknown) => `${String(it)}2` },
];
const titles = { ID: "THE ID", Name: "NAMES" };

const forms: [format: string | undefined, want: string][] = [
  [undefined, "THE ID    NAMES\n1         one\n22        two\n"],
  ["json", '{"ID":"1","Name":"one"}\n{"ID":"22","Name":"two"}\n'],
  ["{{.ID}}\\t{{.Name}}", "1\tone\n22\ttwo\n"],
  ["table {{.Name}}\\t{{.ID}}", "NAMES     THE ID\none       1\ntwo       22\n"],
  [
    'table {{upper .Name}}: {{json .ID}}\\t{{.Label "a.my-team"}}',
    'NAMES: THE ID   my team\nONE: "1"        a.my-team1\nTWO: "22"       a.my-team2\n',
  ],
  ["table {{if .ID}}{{.ID}}{{else}}N/A{{end}}", "THE ID\n1\n22\n"],
];

for (const [format, want] of forms) {
  test(`formatRows: ${String(format)}`, () => {
    assert.equal(formatRows(rows, titles, format), want);
  });
}
