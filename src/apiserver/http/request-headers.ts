import type { ApiRequest } from "./exchange.ts";

const listPrefix = "impersonate-";

/**
 * The headers of a request. Node joins values of a name that comes several times, and a group's
 * name may hold a comma: what asks for impersonation is read again, as lists.
 * @param raw names and values in turn, as they came.
 */
export function requestHeaders(
  joined: ApiRequest["headers"],
  raw: readonly string[],
): ApiRequest["headers"] {
  // Almost no request has one.
  if (!raw.some((it, index) => index % 2 === 0 && isListed(it))) return joined;
  const lists: Record<string, string[]> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    if (isListed(name)) (lists[name] ??= []).push(raw[index + 1] ?? "");
  }
  return { ...joined, ...lists };
}

function isListed(name: string): boolean {
  return name.length > listPrefix.length && name.toLowerCase().startsWith(listPrefix);
}
