import type { UserInfo } from "#apiserver/contract.ts";
import type { RequestInfo } from "#apiserver/request-info.ts";

/** How much of a request is written down, each with all of the one before. */
export const levels = ["None", "Metadata", "Request", "RequestResponse"] as const;

export type Level = (typeof levels)[number];

/** When in the life of a request an event is written. */
export const stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;

export type Stage = (typeof stages)[number];

/** Resources of a group that a rule is about; `*` is every group. */
export interface GroupResources {
  readonly group: string;
  /** `pods`, `pods/log`, `pods/*`, any kind's `scale`, `*`; none: all of the group. */
  readonly resources: readonly string[];
  /** None: every name. */
  readonly resourceNames: readonly string[];
}

/** Which requests are written down, and how. An empty list is no condition. */
export interface PolicyRule {
  readonly level: Level;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  /** The empty one stands for what has no namespace. */
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly Stage[];
  /** Undefined: as the policy says. */
  readonly omitManagedFields: boolean | undefined;
}

/** `audit.k8s.io/v1` Policy. */
export interface Policy {
  /** The first that matches decides. */
  readonly rules: readonly PolicyRule[];
  /** For every rule, besides its own. */
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

/** What a policy says of one request. */
export interface Recording {
  readonly level: Level;
  readonly omitsManagedFields: boolean;
  omits(stage: Stage): boolean;
}

const unrecorded: Recording = { level: "None", omitsManagedFields: false, omits: () => true };

/**
 * How a request is recorded; not at all when no rule is about it.
 * @param user undefined when it is not known who asks.
 * Upstream: apiserver `pkg/audit/policy/checker.go`.
 */
export function recordingOf(
  policy: Policy,
  info: RequestInfo,
  user: UserInfo | undefined,
): Recording {
  const rule = policy.rules.find((it) => isAbout(it, info, user));
  if (rule === undefined || rule.level === "None") return unrecorded;
  return {
    level: rule.level,
    omitsManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
    omits: (stage) => rule.omitStages.includes(stage) || policy.omitStages.includes(stage),
  };
}

/** True when events of `level` have what those of `least` have. */
export function reaches(level: Level, least: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(least);
}

function isAbout(rule: PolicyRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  const { users, userGroups, verbs } = rule;
  if (users.length > 0 && !users.includes(user?.name ?? "")) return false;
  if (userGroups.length > 0 && user?.groups.some((it) => userGroups.includes(it)) !== true) {
    return false;
  }
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return isAboutResource(rule, info);
  if (rule.nonResourceURLs.length === 0) return true;
  return !info.isResource && rule.nonResourceURLs.some((it) => pathMatches(info.path, it));
}

function isAboutResource({ namespaces, resources }: PolicyRule, info: RequestInfo): boolean {
  if (!info.isResource) return false;
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false;
  return resources.length === 0 || resources.some((it) => isIn(it, info));
}

function isIn({ group, resources, resourceNames }: GroupResources, info: RequestInfo): boolean {
  if (group !== "*" && group !== info.group) return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
  const { resource, subresource } = info;
  const whole = subresource === "" ? resource : `${resource}/${subresource}`;
  return resources.some(
    (it) =>
      it === "*" ||
      it === whole ||
      it === `${resource}/*` ||
      (subresource !== "" && it === `*/${subresource}`),
  );
}

function pathMatches(path: string, pattern: string): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

/** A rule without conditions. */
export const anyRequest: PolicyRule = {
  level: "None",
  users: [],
  userGroups: [],
  verbs: [],
  resources: [],
  namespaces: [],
  nonResourceURLs: [],
  omitStages: [],
  omitManagedFields: undefined,
};

const reading = ["get", "list", "watch"];
const systemUsers = {
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"],
};
const systemGroups = { userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] };
const reports = [
  { group: "coordination.k8s.io", resources: ["leases"], resourceNames: [] },
  { group: "", resources: ["events"], resourceNames: [] },
  { group: "events.k8s.io", resources: ["events"], resourceNames: [] },
];

/**
 * Of an installation that has a log and no policy: who did what, without what they sent. What the
 * system's own parts read, the leases that they renew, and the events in which they tell of what
 * they did would fill it and tell nothing.
 */
export const defaultPolicy: Policy = {
  rules: [
    { ...anyRequest, nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version"] },
    { ...anyRequest, ...systemUsers, verbs: reading },
    { ...anyRequest, ...systemGroups, verbs: reading },
    { ...anyRequest, ...systemUsers, resources: reports },
    { ...anyRequest, ...systemGroups, resources: reports },
    { ...anyRequest, level: "Metadata" },
  ],
  omitStages: ["RequestReceived"],
  omitManagedFields: true,
};
