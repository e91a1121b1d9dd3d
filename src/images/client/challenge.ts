/** What a registry asks for: the `WWW-Authenticate` header of a 401. */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      /** Where tokens are given. */
      readonly realm: string;
      readonly service: string | undefined;
      /** `repository:team/app:pull,push`; undefined when the registry does not say. */
      readonly scope: string | undefined;
    };

/** Undefined for schemes that are not known here. RFC 9110 section 11.6.1. */
export function parseChallenge(header: string): Challenge | undefined {
  const [, scheme = "", rest = ""] = /^\s*([A-Za-z]+)\s*(.*)$/.exec(header) ?? [];
  if (scheme.toLowerCase() === "basic") return { scheme: "basic" };
  if (scheme.toLowerCase() !== "bearer") return undefined;
  const fields = new Map<string, string>();
  for (const [, name = "", quoted, bare] of rest.matchAll(
    /([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g,
  )) {
    fields.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "");
  }
  const realm = fields.get("realm");
  if (realm === undefined) return undefined;
  return { scheme: "bearer", realm, service: fields.get("service"), scope: fields.get("scope") };
}

/** Where to ask for a token. @throws {TypeError} for a realm that is no URL. */
export function tokenUrl(challenge: Extract<Challenge, { scheme: "bearer" }>, scope: string): URL {
  const url = new URL(challenge.realm);
  if (challenge.service !== undefined) url.searchParams.set("service", challenge.service);
  url.searchParams.set("scope", scope);
  return url;
}
