import { parseDurationMs } from "#base/amounts.ts";
import { present } from "#base/present.ts";
import type { ContainerOptions, ImageHealth } from "#containers/options.ts";
import { UsageError } from "#containers/usage-error.ts";
import type { HealthCheck } from "./probes.ts";

const nanosecondsPerMs = 1_000_000;

/** The health check of a container: that of the flags over that of the image. @throws {UsageError} */
export function healthOf(
  options: ContainerOptions,
  image: ImageHealth | undefined,
): HealthCheck | undefined {
  const test = options.healthCmd === undefined ? image?.Test : ["CMD-SHELL", options.healthCmd];
  if (options.healthcheck === false || test === undefined) return undefined;
  return present<HealthCheck>({
    test,
    interval: durationOf("interval", options.healthInterval) ?? fromImage(image?.Interval),
    timeout: durationOf("timeout", options.healthTimeout) ?? fromImage(image?.Timeout),
    start_period:
      durationOf("start-period", options.healthStartPeriod) ?? fromImage(image?.StartPeriod),
    start_interval:
      durationOf("start-interval", options.healthStartInterval) ?? fromImage(image?.StartInterval),
    retries: options.healthRetries ?? image?.Retries,
  });
}

function durationOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`--health-${flag}: '${text}' is no duration; expected one like 30s`);
}

function fromImage(nanoseconds: number | undefined): number | undefined {
  return nanoseconds === undefined || nanoseconds === 0
    ? undefined
    : nanoseconds / nanosecondsPerMs;
}
