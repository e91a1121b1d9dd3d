import type { Faults } from "#api/rules/faults.ts";

/** Checks of paths inside volumes and containers. Upstream: `validatePathNoBacksteps` and beside. */

export function checkNoBacksteps(field: string, path: string, at: Faults): void {
  if (hasBacksteps(path)) at.invalid(field, path, "must not contain '..'");
}

export function hasBacksteps(path: string): boolean {
  return path.includes("..") && path.split("/").includes("..");
}

/** A path that stays below where it starts. */
export function checkDescending(field: string, path: string, at: Faults): void {
  if (path.startsWith("/")) at.invalid(field, path, "must be a relative path");
  checkNoBacksteps(field, path, at);
}

/** As {@link checkDescending}, and not one of the names that the node keeps (`..data`). */
export function checkNotReserved(field: string, path: string, at: Faults): void {
  checkDescending(field, path, at);
  if (path.startsWith("..") && !path.startsWith("../")) {
    at.invalid(field, path, "must not start with '..'");
  }
}

export function checkFileMode(field: string, mode: number | undefined, at: Faults): void {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return;
  at.invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive");
}
