import type { Json, JsonObject } from "#api/object.ts";
import type { UserInfo } from "#apiserver/contract.ts";

/** Members may do everything; upstream `user.SystemPrivilegedGroup`. */
export const mastersGroup = "system:masters";
export const authenticatedGroup = "system:authenticated";
export const unauthenticatedGroup = "system:unauthenticated";
export const nodesGroup = "system:nodes";
export const anonymousName = "system:anonymous";

const serviceAccountPrefix = "system:serviceaccount:";
const nodePrefix = "system:node:";

/** Whoever shows no credentials. */
export const anonymous: UserInfo = Object.freeze({
  name: anonymousName,
  uid: "",
  groups: Object.freeze([unauthenticatedGroup]),
  extra: Object.freeze({}),
});

/** `system:serviceaccount:<namespace>:<name>`. */
export function serviceAccountUserName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

/** The groups of every service account of a namespace. */
export function serviceAccountGroups(namespace: string): string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

/** The service account that a user name stands for; undefined when it is another kind of name. */
export function serviceAccountOf(
  userName: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", name = "", ...rest] = userName
    .slice(serviceAccountPrefix.length)
    .split(":");
  const valid = namespace !== "" && name !== "" && rest.length === 0;
  return valid ? { namespace, name } : undefined;
}

/** The node that a user is (`system:node:<name>` in `system:nodes`), or undefined. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(nodePrefix) || !user.groups.includes(nodesGroup)) return undefined;
  return user.name.slice(nodePrefix.length);
}

/** `authentication.k8s.io/v1 UserInfo`. */
export function userInfoObject(user: UserInfo): JsonObject {
  const extra = Object.entries(user.extra).map(([key, values]): [string, Json] => {
    return [key, [...values]];
  });
  return {
    username: user.name,
    ...(user.uid === "" ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}
