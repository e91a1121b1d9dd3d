import { createHash, timingSafeEqual } from "node:crypto";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import { parseTime } from "#api/time.ts";
import type { ObjectSource, UserInfo } from "#apiserver/contract.ts";

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const bootstrappers = "system:bootstrappers";

/**
 * The user of a bootstrap token (`<id>.<secret>`), held in the Secret `bootstrap-token-<id>` of
 * `kube-system`. Undefined when it is not such a token or does not count. `now` is in milliseconds.
 * Upstream: `plugin/pkg/auth/authenticator/token/bootstrap`.
 */
export function bootstrapUser(
  token: string,
  objects: ObjectSource,
  now: number,
): UserInfo | undefined {
  const [, id, secret] = tokenPattern.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  const object = objects.get("secrets", "", "kube-system", `bootstrap-token-${id}`);
  if (object === undefined || !isUsable(object, now)) return undefined;
  if (valueOf(object, "token-id") !== id) return undefined;
  if (!sameText(valueOf(object, "token-secret") ?? "", secret)) return undefined;
  const groups = extraGroups(valueOf(object, "auth-extra-groups") ?? "");
  if (groups === undefined) return undefined;
  return {
    name: `system:bootstrap:${id}`,
    uid: "",
    groups: [bootstrappers, ...groups, "system:authenticated"],
    extra: {},
  };
}

function isUsable(object: JsonObject, now: number): boolean {
  if (childString(childObject(object, "metadata"), "deletionTimestamp") !== undefined) return false;
  if (object["type"] !== "bootstrap.kubernetes.io/token") return false;
  if (valueOf(object, "usage-bootstrap-authentication") !== "true") return false;
  const expiration = valueOf(object, "expiration");
  if (expiration === undefined || expiration === "") return true;
  const at = parseTime(expiration);
  // A date that cannot be read counts as past.
  return at !== undefined && at > now;
}

/** Undefined when one of them is not a group that a token may give. */
function extraGroups(text: string): string[] | undefined {
  const groups = [...new Set(text.split(",").filter((it) => it !== ""))].sort();
  return groups.every((it) => groupPattern.test(it)) ? groups : undefined;
}

function valueOf(object: JsonObject, key: string): string | undefined {
  const encoded = childString(childObject(object, "data"), key);
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString();
}

/** Takes as long for a wrong text as for the right one. */
function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
