import { badRequest } from "#api/status.ts";
import type {
  Attributes,
  Authorizer,
  ImpersonationHeaders,
  UserInfo,
} from "#apiserver/contract.ts";
import { denied } from "./denial.ts";
import {
  anonymousName,
  authenticatedGroup,
  serviceAccountGroups,
  serviceAccountOf,
  unauthenticatedGroup,
} from "./users.ts";

const extraPrefix = "impersonate-extra-";

/** What the headers ask for. */
interface Impersonation {
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * The user to act as: `caller`, or whom its `Impersonate-*` headers name, each part of which the
 * caller must be allowed to impersonate. Upstream: apiserver `endpoints/filters/impersonation`.
 * @throws {StatusError} 403 when a part is not allowed, 400 for groups or extra without a user.
 */
export function impersonated(
  caller: UserInfo,
  headers: ImpersonationHeaders,
  authorizer: Authorizer,
): UserInfo {
  const wanted = read(headers);
  if (wanted === undefined) return caller;
  for (const question of questions(caller, wanted)) {
    const decision = authorizer.authorize(question);
    if (!decision.allowed) throw denied(question, decision);
  }
  return {
    name: wanted.user,
    uid: wanted.uid,
    groups: groupsOf(wanted),
    extra: wanted.extra,
  };
}

function read(headers: ImpersonationHeaders): Impersonation | undefined {
  const user = listOf(headers["impersonate-user"])[0] ?? "";
  const uid = listOf(headers["impersonate-uid"])[0] ?? "";
  const groups = listOf(headers["impersonate-group"]);
  const extra = Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(extraPrefix))
      .map(([name, value]) => [decodeKey(name.slice(extraPrefix.length)), listOf(value)]),
  );
  if (user !== "") return { user, uid, groups, extra };
  if (uid === "" && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw badRequest("requested uid, groups or extra without impersonating a user");
}

function questions(caller: UserInfo, wanted: Impersonation): Attributes[] {
  const ask = (resource: string, name: string, more: Partial<Attributes> = {}): Attributes => ({
    user: caller,
    verb: "impersonate",
    group: "",
    version: "v1",
    resource,
    subresource: "",
    namespace: "",
    name,
    path: "",
    ...more,
  });
  const authentication = { group: "authentication.k8s.io" };
  const account = serviceAccountOf(wanted.user);
  const asked = [
    account === undefined
      ? ask("users", wanted.user)
      : ask("serviceaccounts", account.name, { namespace: account.namespace }),
    ...wanted.groups.map((it) => ask("groups", it)),
    ...Object.entries(wanted.extra).flatMap(([key, values]) =>
      values.map((it) => ask("userextras", it, { ...authentication, subresource: key })),
    ),
  ];
  if (wanted.uid !== "") asked.push(ask("uids", wanted.uid, authentication));
  return asked;
}

function groupsOf(wanted: Impersonation): string[] {
  const account = serviceAccountOf(wanted.user);
  const fixed = account === undefined ? [] : serviceAccountGroups(account.namespace);
  const groups = wanted.groups.length > 0 ? wanted.groups : fixed;
  if (wanted.user === anonymousName) return [...new Set([...groups, unauthenticatedGroup])];
  const said = groups.includes(authenticatedGroup) || groups.includes(unauthenticatedGroup);
  return said ? [...groups] : [...groups, authenticatedGroup];
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Go keeps a key that is not percent-encoded as it stands.
    return key;
  }
}
