import type { Lines } from "#build/dockerfile/location.ts";

/** The build checks of Docker: BuildKit's `frontend/dockerfile/linter/ruleset.go`. */
export type RuleName =
  | "ConsistentInstructionCasing"
  | "CopyIgnoredFile"
  | "DuplicateStageName"
  | "ExposeInvalidFormat"
  | "ExposeProtoCasing"
  | "FromAsCasing"
  | "FromPlatformFlagConstDisallowed"
  | "InvalidBaseImagePlatform"
  | "InvalidDefaultArgInFrom"
  | "InvalidDefinitionDescription"
  | "JSONArgsRecommended"
  | "LegacyKeyValueFormat"
  | "MaintainerDeprecated"
  | "MultipleInstructionsDisallowed"
  | "NoEmptyContinuation"
  | "RedundantTargetPlatform"
  | "ReservedStageName"
  | "SecretsUsedInArgOrEnv"
  | "StageNameCasing"
  | "UndefinedArgInFrom"
  | "UndefinedVar"
  | "WorkdirRelativePath";

/** Checked only where somebody asks for it: `# check=experimental=…`. */
export const experimentalRules: ReadonlySet<RuleName> = new Set<RuleName>([
  "InvalidDefinitionDescription",
]);

/** Something in a Dockerfile that is allowed and better done in another way. */
export interface Finding {
  readonly rule: RuleName;
  readonly lines: Lines;
  readonly message: string;
}

/** Where Docker's documentation tells more; undefined for the one rule that has no page. */
export function ruleUrl(rule: RuleName): string | undefined {
  if (rule === "InvalidBaseImagePlatform") return undefined;
  const name = rule
    .replaceAll(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2");
  return `https://docs.docker.com/go/dockerfile/rule/${name.toLowerCase()}/`;
}
