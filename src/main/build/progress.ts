import pc from "picocolors";
import { systemClock } from "#base/clock.ts";
import { plainListener } from "#build/progress/plain.ts";
import { StepBook, type ShownStep, type StepListener } from "#build/progress/steps.ts";
import { redraw, renderBuild } from "#build/progress/terminal.ts";

/** Shows a build on standard error. */
export interface ShownBuild extends AsyncDisposable {
  readonly book: StepBook;
}

const frameMs = 100;
const defaultScreen = { columns: 80, rows: 24 };

function ignore(): void {
  return undefined;
}

const silent: StepListener = { started: ignore, printed: ignore, ended: ignore, warned: ignore };

/** @param form `auto`: drawn anew all the time on a terminal, line by line elsewhere. */
export function showBuild(form: "auto" | "plain" | "tty" | "quiet"): ShownBuild {
  const err = process.stderr;
  if (form === "quiet") return still(silent);
  if (form === "plain" || (form === "auto" && !err.isTTY)) {
    return still(plainListener(systemClock, (line) => err.write(`${line}\n`)));
  }
  return drawn();
}

function still(listener: StepListener): ShownBuild {
  return {
    book: new StepBook(systemClock, listener),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function drawn(): ShownBuild {
  const startedAt = systemClock.monotonic();
  const warnings: string[] = [];
  const listener: StepListener = { ...silent, warned: (it) => warnings.push(it) };
  const book = new StepBook(systemClock, listener);
  let height = 0;
  function draw(): void {
    const { columns, rows } = { ...defaultScreen, ...screenOf() };
    const times = { startedAt, now: systemClock.monotonic() };
    const steps: readonly ShownStep[] = book.steps;
    const lines = renderBuild(steps, times, { columns, rows }, pc);
    process.stderr.write(redraw(height, lines));
    height = lines.length;
  }
  const stop = new AbortController();
  async function frames(): Promise<void> {
    while (!stop.signal.aborted) {
      draw();
      await systemClock.sleep(frameMs, stop.signal).catch(ignore);
    }
  }
  const drawing = frames();
  return {
    book,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error("the build has ended"));
      await drawing;
      draw();
      for (const it of warnings) process.stderr.write(`${pc.yellow("warning:")} ${it}\n`);
    },
  };
}

function screenOf(): { columns?: number; rows?: number } {
  const { columns, rows } = process.stderr;
  // A pseudo terminal may have no size yet.
  return columns > 0 && rows > 0 ? { columns, rows } : {};
}
