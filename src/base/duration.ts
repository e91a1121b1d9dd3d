/** A duration as Go prints it: `850ms`, `1.2s`, `1m20s`, `5m0s`, `1h0m0s`; what is shorter is `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 1) return "0s";
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const rounded = Math.round(ms);
  const hours = Math.floor(rounded / 3_600_000);
  const minutes = Math.floor(rounded / 60_000) % 60;
  const seconds = (rounded % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
