import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogFormatter } from "./format.ts";
import type { LogOptions } from "./options.ts";

const all: LogOptions = {
  follow: false,
  timestamps: false,
  sinceMs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
  streams: { stdout: true, stderr: true },
};

const log = [
  "2026-01-02T03:04:05.1Z stdout F one",
  "2026-01-02T03:04:06.123456789Z stderr F two",
  "2026-01-02T03:04:07.5Z stdout P a long ",
  "2026-01-02T03:04:07.6Z stdout P line of ",
  "2026-01-02T03:04:07.7Z stdout F parts",
  "not an entry at all",
  "2026-01-02T03:04:08Z stdout F ",
  "2026-01-02T03:04:09+02:00 stderr F:x a b  c ",
  "",
].join("\n");

const cases: [name: string, options: Partial<LogOptions>, want: string][] = [
  ["all of it", {}, "one\ntwo\na long line of parts\n\na b  c \n"],
  ["stdout", { streams: { stdout: true, stderr: false } }, "one\na long line of parts\n\n"],
  ["stderr", { streams: { stdout: false, stderr: true } }, "two\na b  c \n"],
  [
    "with times, once a line, nine digits",
    { timestamps: true },
    [
      "2026-01-02T03:04:05.100000000Z one",
      "2026-01-02T03:04:06.123456789Z two",
      "2026-01-02T03:04:07.500000000Z a long line of parts",
      "2026-01-02T03:04:08.000000000Z ",
      "2026-01-02T03:04:09.000000000+02:00 a b  c ",
      "",
    ].join("\n"),
  ],
  [
    "since a time",
    { sinceMs: Date.parse("2026-01-02T03:04:07Z") },
    "a long line of parts\n\na b  c \n",
  ],
  ["since after the end", { sinceMs: Date.parse("2027-01-01T00:00:00Z") }, ""],
  ["cut after some bytes", { limitBytes: 6 }, "one\ntw"],
  ["cut within a time", { limitBytes: 10, timestamps: true }, "2026-01-02"],
];

for (const [name, options, want] of cases) {
  test(`log format: ${name}`, () => {
    const formatter = new LogFormatter({ ...all, ...options });
    assert.equal(formatter.push(Buffer.from(log)).toString(), want);
  });

  test(`log format: ${name}, however the file is cut into pieces`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: log.length }), { maxLength: 8 }), (cuts) => {
        const formatter = new LogFormatter({ ...all, ...options });
        const places = [0, ...cuts.toSorted((left, right) => left - right), log.length];
        const output = places.slice(1).map((end, index) => {
          return formatter.push(Buffer.from(log.slice(places[index], end)));
        });
        assert.equal(Buffer.concat(output).toString(), want);
      }),
    );
  });
}

test("log format: a last line without an end is shown as it is", () => {
  const formatter = new LogFormatter(all);
  const entry = "2026-01-02T03:04:05Z stdout P prompt> \n";
  assert.equal(formatter.push(Buffer.from(entry)).toString(), "prompt> ");
});

test("log format: what has no newline for a megabyte is dropped, and reading goes on", () => {
  const formatter = new LogFormatter(all);
  for (let sent = 0; sent < 40; sent += 1) formatter.push(Buffer.alloc(64 * 1024, "x"));
  assert.ok(formatter.pendingBytes <= 1024 * 1024);
  formatter.push(Buffer.from("\n"));
  const entry = "2026-01-02T03:04:05Z stdout F fine\n";
  assert.equal(formatter.push(Buffer.from(entry)).toString(), "fine\n");
});
