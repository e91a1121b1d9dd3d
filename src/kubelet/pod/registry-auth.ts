import type { Secret } from "#api/gen/types.ts";
import { isJsonObject, type JsonObject } from "#api/object.ts";
import type { RegistryAuth } from "#cri/runtime.ts";
import type { ImageReference } from "./image-reference.ts";

/** Credentials that the secrets hold for the image, the most specific entry first. */
export function registryAuths(
  secrets: readonly Secret[],
  reference: ImageReference,
): readonly RegistryAuth[] {
  const found: { readonly key: string; readonly auth: RegistryAuth }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(authsOf(secret))) {
      if (!isJsonObject(entry) || !matches(key, reference)) continue;
      const auth = authOf(entry, reference.host);
      if (auth !== undefined) found.push({ key, auth });
    }
  }
  return found.sort((left, right) => right.key.length - left.key.length).map((it) => it.auth);
}

function authsOf(secret: Secret): JsonObject {
  const dockerConfig = parse(secret.data?.[".dockerconfigjson"]);
  if (dockerConfig !== undefined) {
    return isJsonObject(dockerConfig["auths"]) ? dockerConfig["auths"] : {};
  }
  return parse(secret.data?.[".dockercfg"]) ?? {};
}

/** A secret that does not hold what it should is as good as none; the pull then says why. */
function parse(base64: string | undefined): JsonObject | undefined {
  if (base64 === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(atob(base64));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function authOf(entry: JsonObject, serverAddress: string): RegistryAuth | undefined {
  const { username, password, auth, identitytoken } = entry;
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { username: "", password: "", identityToken: identitytoken, serverAddress };
  }
  if (typeof username === "string" && typeof password === "string") {
    return { username, password, serverAddress };
  }
  if (typeof auth !== "string") return undefined;
  try {
    const [name = "", ...rest] = atob(auth).split(":");
    return { username: name, password: rest.join(":"), serverAddress };
  } catch {
    return undefined;
  }
}

/** Keys are hosts or URLs, with an optional path prefix; `*` stands for part of a host's name. */
function matches(key: string, { host, path }: ImageReference): boolean {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/v[12]\/?$/, "")
    .replace(/\/$/, "");
  const [keyHost = "", ...keyPath] = bare.split("/");
  const wanted = keyHost === "index.docker.io" ? "docker.io" : keyHost;
  if (!hostMatches(wanted, host)) return false;
  const prefix = keyPath.join("/");
  return prefix === "" || path === prefix || path.startsWith(`${prefix}/`);
}

function hostMatches(pattern: string, host: string): boolean {
  const patternParts = pattern.split(".");
  const hostParts = host.split(".");
  if (patternParts.length !== hostParts.length) return false;
  return patternParts.every((part, index) => {
    const text = hostParts[index] ?? "";
    if (!part.includes("*")) return part === text;
    const escaped = part.split("*").map((it) => it.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
    return new RegExp(`^${escaped.join("[^.]*")}$`).test(text);
  });
}
