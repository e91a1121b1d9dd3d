import type { JsonObject } from "#api/object.ts";

/** The release of Kubernetes whose API this is. */
const kubernetes = { major: "1", minor: "36", patch: "0" };

/**
 * `/version`. Clients parse `major` and `minor` as integers and `gitVersion` as a semantic version.
 * @param build our own version.
 */
export function versionDocument(build: string): JsonObject {
  const { major, minor } = kubernetes;
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: gitVersion(build),
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "go1.26.0",
    compiler: "node",
    platform: "linux/amd64",
  };
}

/** The release and, as semantic versions allow, whose build it is: `v1.36.0+gantry.0.1.0`. */
export function gitVersion(build: string): string {
  const { major, minor, patch } = kubernetes;
  return `v${major}.${minor}.${patch}+gantry.${build}`;
}
