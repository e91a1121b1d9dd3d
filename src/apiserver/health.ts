/** One thing that must be well for the server to be. */
export interface HealthCheck {
  readonly name: string;
  /** Undefined when well, else why not. */
  check(): string | undefined;
}

/** What a health path answers. */
export interface HealthReport {
  readonly status: 200 | 404 | 500;
  readonly text: string;
}

/**
 * `/healthz`, `/livez`, `/readyz` and one check below each. Upstream: apiserver `pkg/server/healthz`.
 * @param path as requested, e.g. `/readyz/ping`.
 * @param query `verbose` lists every check; `exclude` leaves one out.
 */
export function reportHealth(
  path: string,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
): HealthReport {
  const [, root = "", only] = path.split("/");
  const asked =
    only === undefined || only === "" ? checks : checks.filter((it) => it.name === only);
  if (asked.length === 0) return { status: 404, text: "404 page not found\n" };
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let isWell = true;
  for (const it of asked) {
    if (excluded.has(it.name)) {
      lines.push(`[+]${it.name} excluded: ok`);
      continue;
    }
    const fault = it.check();
    // The reason stays in the log: whoever may ask for health need not know it.
    lines.push(fault === undefined ? `[+]${it.name} ok` : `[-]${it.name} failed: reason withheld`);
    if (fault !== undefined) isWell = false;
  }
  if (!isWell) {
    return { status: 500, text: `${[...lines, `${root} check failed`].join("\n")}\n` };
  }
  if (!query.has("verbose") || only !== undefined) return { status: 200, text: "ok" };
  return { status: 200, text: `${[...lines, `${root} check passed`].join("\n")}\n` };
}
