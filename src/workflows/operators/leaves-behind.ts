/**
 * Operators whose work goes on elsewhere when their worker ends, and whether a later try of the same
 * task goes on with it.
 */
export const leavesBehind: ReadonlyMap<string, "taken-over" | "abandoned"> = new Map([
  ["kubernetes_pod", "taken-over"],
  ["kubernetes_job", "taken-over"],
  ["docker", "abandoned"],
]);
