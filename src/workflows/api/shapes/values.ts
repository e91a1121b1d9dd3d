import { createHash } from "node:crypto";

/** `2026-01-31T06:00:00Z`, with microseconds where there are any; null for undefined. */
export function moment(at: number | undefined): string | null {
  if (at === undefined) return null;
  const iso = new Date(at).toISOString();
  return iso.endsWith(".000Z") ? `${iso.slice(0, 19)}Z` : `${iso.slice(0, 23)}000Z`;
}

/** Seconds between two moments, or until `now` while it goes on; null before it begins. */
export function duration(
  startedAt: number | undefined,
  endedAt: number | undefined,
): number | null {
  if (startedAt === undefined || endedAt === undefined) return null;
  return Math.max(0, endedAt - startedAt) / 1_000;
}

/** A number for what only has a name; the same name gives the same, and no other is known to. */
export function numberFor(name: string): number {
  return createHash("sha256").update(name).digest().readUIntBE(0, 6);
}

/** A UUID (version 8, RFC 9562) for what only has a name. */
export function uuidFor(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) % 4] ?? "8";
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** A duration as ISO 8601, `PT90S`; null for undefined. */
export function isoDuration(ms: number | undefined): string | null {
  return ms === undefined ? null : `PT${ms / 1_000}S`;
}

/** A duration as Airflow's `TimeDelta`; null for undefined. */
export function timeDelta(ms: number | undefined): {
  readonly __type: string;
  readonly days: number;
  readonly seconds: number;
  readonly microseconds: number;
} | null {
  if (ms === undefined) return null;
  const days = Math.floor(ms / 86_400_000);
  const rest = ms - days * 86_400_000;
  const seconds = Math.floor(rest / 1_000);
  const microseconds = Math.round((rest - seconds * 1_000) * 1_000);
  return { __type: "TimeDelta", days, seconds, microseconds };
}
