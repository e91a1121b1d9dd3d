import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { plainListener } from "./plain.ts";
import { formatSeconds, StepBook } from "./steps.ts";
import { redraw, renderBuild } from "./terminal.ts";

const noColors = {
  dim: (it: string) => it,
  blue: (it: string) => it,
  red: (it: string) => it,
  bold: (it: string) => it,
};

function silent(): StepBook {
  const listener = { started: nothing, printed: nothing, ended: nothing, warned: nothing };
  return new StepBook(new FakeClock(), listener);
}

function nothing(): void {
  return undefined;
}

test("plain: a line for every event", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const book = new StepBook(
    clock,
    plainListener(clock, (it) => lines.push(it)),
  );
  const first = book.step("[1/2] RUN a \\\n  b");
  await clock.advance(1_500);
  first.log("one\ntw");
  first.log("o\r\nbar 1%\rbar 2%\nrest");
  first.done();
  book.step("[2/2] COPY c d").cached();
  book.warn("careful");
  assert.deepEqual(lines, [
    "#1 [1/2] RUN a \\ b",
    "#1 1.500 one",
    "#1 1.500 two",
    "#1 1.500 bar 2%",
    "#1 1.500 rest",
    "#1 DONE 1.5s",
    "#2 [2/2] COPY c d",
    "#2 CACHED",
    "warning: careful",
  ]);
});

test("renderBuild: shows steps, and what running ones print", () => {
  const book = silent();
  book.step("FROM a").done();
  book.step("[1/3] COPY a b").cached();
  const running = book.step("[2/3] RUN a command that is too long for the screen");
  running.log("line 1\n\u001b[31mline\t2\u001b[0m\n");
  const lines = renderBuild(
    book.steps,
    { startedAt: 0, now: 2_000 },
    { columns: 40, rows: 24 },
    noColors,
  );
  assert.deepEqual(lines, [
    "[+] Building 2.0s (2/3)",
    " => FROM a                          0.0s",
    " => CACHED [1/3] COPY a b",
    " => [2/3] RUN a command that is to… 2.0s",
    " => => # line 1",
    " => => # line    2",
  ]);
});

test("renderBuild: never more lines than the screen has, and running steps stay", () => {
  const book = silent();
  const running = book.step("RUN long");
  for (let index = 0; index < 30; index++) book.step(`RUN ${index}`).done();
  const screen = { columns: 80, rows: 10 };
  const lines = renderBuild(book.steps, { startedAt: 0, now: 0 }, screen, noColors);
  assert.ok(lines.length <= 9);
  assert.match(lines[1] ?? "", /RUN long/);
  running.done();
});

test("redraw: goes back over what was drawn", () => {
  assert.equal(redraw(0, ["a"]), "a\u001b[K\n\u001b[J");
  assert.equal(redraw(2, ["a", "b"]), "\u001b[2A\ra\u001b[K\nb\u001b[K\n\u001b[J");
});

test("formatSeconds", () => {
  assert.equal(formatSeconds(1_234), "1.2s");
  assert.equal(formatSeconds(185_000), "3m05s");
});
