import type { UserInfo } from "#apiserver/contract.ts";

/** A component of the control plane. */
export function systemUser(name: string, ...groups: readonly string[]): UserInfo {
  return { name, uid: "", groups: [...groups, "system:authenticated"], extra: {} };
}

/** Sees everything for all controllers; what they write they write in their own names. */
export const managerUser = systemUser("system:kube-controller-manager");

/** A controller: its service account in `kube-system`, as upstream's controllers have theirs. */
export function controllerUser(account: string): UserInfo {
  const groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"];
  return systemUser(`system:serviceaccount:kube-system:${account}`, ...groups);
}
