import type { Container, Probe } from "#api/gen/types.ts";

export interface HealthCheck {
  /** Begins with CMD, CMD-SHELL or NONE; undefined: that of the image. */
  readonly test?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly start_period?: number | undefined;
  readonly start_interval?: number | undefined;
  readonly retries?: number | undefined;
  readonly disable?: boolean | undefined;
}

/** Docker's, where a health check does not say. */
const intervalMs = 30_000;
const timeoutMs = 30_000;
const startIntervalMs = 5_000;
const retries = 3;
/** A container may take so long until it is healthy for the first time; it is not ended for it. */
const startMs = 24 * 3_600_000;

/**
 * A health check as probes: the startup probe looks often until the first success, the readiness
 * probe in its own rhythm after it. Nothing ends an unhealthy container, as Docker does not.
 */
export function probesOf(
  check: HealthCheck | undefined,
): Pick<Container, "startupProbe" | "readinessProbe"> {
  const command = commandOf(check);
  if (check === undefined || command === undefined) return {};
  const exec = { command: [...command] };
  const interval = seconds(check.interval ?? intervalMs);
  const common: Probe = { exec, timeoutSeconds: seconds(check.timeout ?? timeoutMs) };
  const period = Math.min(interval, seconds(check.start_interval ?? startIntervalMs));
  return {
    startupProbe: {
      ...common,
      periodSeconds: period,
      failureThreshold: Math.ceil(startMs / 1_000 / period),
    },
    readinessProbe: {
      ...common,
      periodSeconds: interval,
      failureThreshold: Math.max(1, check.retries ?? retries),
    },
  };
}

function commandOf(check: HealthCheck | undefined): readonly string[] | undefined {
  if (check === undefined || check.disable === true) return undefined;
  const [kind, ...words] = check.test ?? [];
  if (kind === "CMD" && words.length > 0) return words;
  if (kind === "CMD-SHELL" && words.length > 0) return ["/bin/sh", "-c", words.join(" ")];
  return undefined;
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
