import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "./clock.ts";
import { jsonLogger, logLevels, type LogLevel } from "./log.ts";

function logged(level: LogLevel | undefined): string[] {
  const lines: string[] = [];
  const log = jsonLogger(new FakeClock(0), (line) => lines.push(line), { level });
  const part = log.with({ component: "x" });
  for (const it of logLevels) part[it]("said", { it });
  return lines;
}

const cases: [level: LogLevel | undefined, want: string][] = [
  ["debug", "debug info error"],
  ["info", "info error"],
  [undefined, "info error"],
  ["error", "error"],
];

for (const [level, want] of cases) {
  test(`jsonLogger: level ${level ?? "by default"} -> ${want}`, () => {
    const levels = logged(level).map((it) => (JSON.parse(it) as { level: string }).level);
    assert.equal(levels.join(" "), want);
  });
}

test("jsonLogger: one JSON object a line, errors with their causes", () => {
  const lines: string[] = [];
  const log = jsonLogger(new FakeClock(1_000), (line) => lines.push(line), {
    fields: { component: "a" },
  });
  const error = new Error("pull image", { cause: new Error("refused") });
  log.with({ pod: "p" }).error("failed\nbadly", { error });
  assert.deepEqual(lines, [
    '{"time":"1970-01-01T00:00:01.000Z","level":"error","message":"failed\\nbadly","component":"a","pod":"p","error":"pull image: refused"}\n',
  ]);
});
