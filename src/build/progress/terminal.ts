import { stripVTControlCharacters } from "node:util";
import { formatSeconds, type ShownStep } from "./steps.ts";

/** How texts are made to stand out; each gives the text back when there are no colours. */
export interface Colors {
  readonly dim: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly red: (text: string) => string;
  readonly bold: (text: string) => string;
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** Lines of a running step's output that are shown. */
const outputLines = 5;

/**
 * The lines that show a build now, at most as many as the screen has: a head, then the steps, the
 * running ones with the end of what they print. When there are more steps than room, the oldest that
 * have ended are left out.
 */
export function renderBuild(
  steps: readonly ShownStep[],
  times: { readonly startedAt: number; readonly now: number },
  screen: Screen,
  colors: Colors,
): string[] {
  const ended = steps.filter((it) => it.outcome !== "running").length;
  const total = formatSeconds(times.now - times.startedAt);
  const head = colors.bold(`[+] Building ${total} (${ended}/${steps.length})`);
  const blocks = steps.map((step) => renderStep(step, times.now, screen.columns, colors));
  const room = Math.max(screen.rows - 2, 1);
  let used = blocks.reduce((sum, it) => sum + it.length, 0);
  const lines: string[] = [];
  for (const [index, block] of blocks.entries()) {
    if (used > room && steps[index]?.outcome !== "running") {
      used -= block.length;
      continue;
    }
    lines.push(...block);
  }
  return [head, ...lines.slice(-room)];
}

function renderStep(step: ShownStep, now: number, columns: number, colors: Colors): string[] {
  const time = formatSeconds((step.endedAt ?? now) - step.startedAt);
  const right = step.outcome === "cached" ? "" : time;
  const mark = { running: " =>", done: " =>", cached: " => CACHED", failed: " => ERROR" }[
    step.outcome
  ];
  const room = Math.max(columns - mark.length - right.length - 2, 8);
  const title = fit(step.title, room);
  const line = `${mark} ${title.padEnd(room)} ${right}`.trimEnd();
  const color = {
    running: (it: string) => it,
    done: colors.blue,
    cached: colors.blue,
    failed: colors.red,
  };
  const head = color[step.outcome](line);
  if (step.outcome !== "running") return [head];
  const output = step.lines
    .slice(-outputLines)
    .map((it) => colors.dim(fit(` => => # ${printable(it)}`, columns - 1)));
  return [head, ...output];
}

function fit(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(length - 1, 0))}…`;
}

/** Nothing that a command prints moves our cursor. */
function printable(text: string): string {
  const plain = stripVTControlCharacters(text).replaceAll("\t", "    ");
  return Array.from(plain)
    .filter((it) => it >= " " && it !== "\u007f")
    .join("");
}

/** Moves the cursor to the beginning of what was drawn before, and draws over it. */
export function redraw(before: number, lines: readonly string[]): string {
  const up = before === 0 ? "" : `\u001b[${before}A\r`;
  return `${up}${lines.map((it) => `${it}\u001b[K\n`).join("")}\u001b[J`;
}
