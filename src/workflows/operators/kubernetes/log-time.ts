/**
 * Orders times of log lines: RFC 3339 with up to nine digits of a second, without zeros at the end, so
 * that they have no order as texts. Negative, 0 or positive.
 */
export function compareLogTimes(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  return a.ms === b.ms ? a.nanoseconds - b.nanoseconds : a.ms - b.ms;
}

function partsOf(time: string): { readonly ms: number; readonly nanoseconds: number } {
  const found = /^([^.]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  const [, seconds = "", fraction = "", zone = ""] = found ?? [];
  return {
    ms: Date.parse(seconds + zone),
    nanoseconds: Number(fraction.padEnd(9, "0").slice(0, 9)),
  };
}
