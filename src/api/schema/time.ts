/*
 * Times on the wire: RFC 3339 in, UTC out. metav1.Time has seconds, metav1.MicroTime six digits
 * (apimachinery pkg/apis/meta/v1/time.go, micro_time.go).
 */

const pattern =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** A moment; nanoseconds are counted up from the second, also before 1970. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** Reads RFC 3339; undefined when the text is something else, such as 30 February. */
export function parseTime(text: string): Instant | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const fraction = match[7] ?? "";
  const day = Number(match[3]);
  // Date.parse rolls 30 February over into March.
  if (day > 28 && new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() !== day) return undefined;
  const milliseconds = Date.parse(text.slice(0, 19) + (match[8] ?? "Z"));
  if (Number.isNaN(milliseconds)) return undefined;
  return { seconds: milliseconds / 1000, nanos: Number(fraction.slice(1, 10).padEnd(9, "0")) };
}

/** `2026-01-02T03:04:05Z`: the fraction is dropped. */
export function formatTime(at: Instant): string {
  return `${new Date(at.seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** `2026-01-02T03:04:05.123456Z`: digits beyond six are dropped. */
export function formatMicroTime(at: Instant): string {
  const micros = Math.trunc(at.nanos / 1000);
  return `${formatTime(at).slice(0, 19)}.${String(micros).padStart(6, "0")}Z`;
}
