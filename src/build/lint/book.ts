import type { Lines } from "#build/dockerfile/location.ts";
import { isChecked, withComments, type CheckOptions } from "./check-options.ts";
import type { Finding, RuleName } from "./rules.ts";

/** What a rule looks at. */
export interface Place {
  readonly lines: Lines;
  readonly comments: readonly string[];
}

/** Takes what rules find, but for what the Dockerfile says to skip. */
export class FindingBook {
  readonly #options: CheckOptions;
  readonly #findings: Finding[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  add(rule: RuleName, { lines, comments }: Place, message: string): void {
    if (!isChecked(rule, withComments(this.#options, comments))) return;
    this.#findings.push({ rule, lines, message });
  }

  /** By their lines. */
  list(): Finding[] {
    return this.#findings.toSorted((a, b) => a.lines.start - b.lines.start);
  }
}
