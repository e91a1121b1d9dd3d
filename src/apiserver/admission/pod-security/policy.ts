import { FieldPath, invalid, type FieldError } from "#api/field.ts";

/** The levels, each stricter than the one before. */
const levels = ["privileged", "baseline", "restricted"] as const;

export type Level = (typeof levels)[number];

/** The newest version of the checks; newer ones, and `latest`, mean this one. */
export const newestMinor = 36;

/** A level as some version of Kubernetes defines it. */
export interface LevelVersion {
  readonly level: Level;
  /** Of Kubernetes 1; infinite for `latest`. */
  readonly minor: number;
}

/** What a namespace wants of its pods. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

/** A policy, and what was wrong in the labels that it was read from. */
export interface ReadPolicy {
  readonly policy: Policy;
  readonly faults: readonly FieldError[];
}

const labelsPath = new FieldPath("metadata.labels");
const prefix = "pod-security.kubernetes.io/";
const latest = Number.POSITIVE_INFINITY;
const anything: LevelVersion = { level: "privileged", minor: latest };
const none: ReadPolicy = {
  policy: { enforce: anything, audit: anything, warn: anything },
  faults: [],
};

/**
 * Reads the policy from the labels of a namespace; without any, everything is allowed. A label that
 * cannot be read enforces `restricted`, and neither audits nor warns. Upstream: `PolicyToEvaluate`.
 */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): ReadPolicy {
  const own = labels ?? {};
  if (!Object.keys(own).some((it) => it.startsWith(prefix))) return none;
  const faults: FieldError[] = [];
  const enforce = modeOf(own, "enforce", "restricted", faults);
  const audit = modeOf(own, "audit", "privileged", faults);
  const warn = modeOf(own, "warn", "privileged", faults);
  const asked = own[`${prefix}warn`];
  const isKnown = isLevel(own[`${prefix}enforce`] ?? "");
  // Who enforces and says nothing of warnings is warned of what is going to be refused.
  if (asked !== undefined || !isKnown || strictness(enforce) <= strictness(warn)) {
    return { policy: { enforce, audit, warn }, faults };
  }
  const minor = own[`${prefix}warn-version`] === undefined ? enforce.minor : warn.minor;
  return { policy: { enforce, audit, warn: { level: enforce.level, minor } }, faults };
}

/** 0 for the level that allows everything. */
export function strictness({ level }: LevelVersion): number {
  return levels.indexOf(level);
}

export function isSame(left: LevelVersion, right: LevelVersion): boolean {
  return left.level === right.level && left.minor === right.minor;
}

/** `restricted:latest`, `baseline:v1.30` */
export function levelText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === latest ? "latest" : `v1.${minor}`}`;
}

function modeOf(
  labels: Readonly<Record<string, string>>,
  mode: string,
  fallback: Level,
  faults: FieldError[],
): LevelVersion {
  const { level, minor } = anything;
  const given = labels[`${prefix}${mode}`];
  const version = labels[`${prefix}${mode}-version`];
  return {
    level: given === undefined ? level : readLevel(given, mode, fallback, faults),
    minor: version === undefined ? minor : readMinor(version, mode, faults),
  };
}

function readLevel(text: string, mode: string, fallback: Level, faults: FieldError[]): Level {
  if (isLevel(text)) return text;
  const detail = `must be one of ${levels.join(", ")}`;
  faults.push(invalid(labelsPath.key(`${prefix}${mode}`), text, detail));
  return fallback;
}

function isLevel(text: string): text is Level {
  return (levels as readonly string[]).includes(text);
}

function readMinor(text: string, mode: string, faults: FieldError[]): number {
  if (text === "latest") return latest;
  const found = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  if (found !== undefined) return Number(found);
  const detail = 'must be "latest" or "v1.x"';
  faults.push(invalid(labelsPath.key(`${prefix}${mode}-version`), text, detail));
  return latest;
}
