import type { HealthCheck } from "#build/dockerfile/instructions.ts";

/** How BuildKit's history writes values, which is how Go prints them. */

/** `["a" "b"]` */
export function quotedList(words: readonly string[]): string {
  return `[${words.map((it) => JSON.stringify(it)).join(" ")}]`;
}

/** `[a b]` */
export function plainList(words: readonly string[]): string {
  return `[${words.join(" ")}]`;
}

/** `1m30s` */
export function formatNanoseconds(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Math.round((seconds % 60) * 1e9) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

/** `{Test:[CMD x] Interval:0s …}` */
export function healthCheckText(check: HealthCheck): string {
  const durations = [
    ["Interval", check.Interval],
    ["Timeout", check.Timeout],
    ["StartPeriod", check.StartPeriod],
    ["StartInterval", check.StartInterval],
  ] as const;
  const texts = durations.map(([name, value]) => `${name}:${formatNanoseconds(value ?? 0)}`);
  return `{Test:${plainList(check.Test)} ${texts.join(" ")} Retries:${check.Retries ?? 0}}`;
}
