/**
 * Orders two resource versions of one resource: negative, zero or positive. They are decimal
 * numbers of any length (KEP-5504); "" and "0" are older than everything.
 */
export function compareResourceVersions(left: string, right: string): number {
  const [a, b] = [left === "0" ? "" : left, right === "0" ? "" : right];
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
