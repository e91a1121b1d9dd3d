/**
 * What a number or percents of `whole` come to. @param round for percents: `Math.ceil` or `Math.floor`.
 * Text that is neither is 0.
 */
export function shareOf(
  value: number | string,
  whole: number,
  round: (exact: number) => number,
): number {
  if (typeof value === "number") return value;
  const percent = Number(value.replace("%", ""));
  return Number.isFinite(percent) ? round((percent * whole) / 100) : 0;
}
