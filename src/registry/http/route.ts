import { isRepositoryPath, isTag } from "#oci/reference.ts";
import { isDigest } from "#oci/digest.ts";

/** What a request is about: the endpoints of distribution-spec, and Docker's catalogue and token. */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "token" }
  | { readonly kind: "unknown" }
  | { readonly kind: "invalid"; readonly code: "NAME_INVALID" | "DIGEST_INVALID" | "TAG_INVALID" }
  | { readonly kind: "tags" | "uploads"; readonly name: string }
  | { readonly kind: "blob" | "referrers"; readonly name: string; readonly digest: string }
  | { readonly kind: "upload"; readonly name: string; readonly id: string }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string };

const uploadsPattern = /^\/v2\/(.+)\/blobs\/uploads\/?([^/]*)$/;
const endpointPattern = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/;
/** What an upload is called: see `upload-sessions.ts`. */
const idPattern = /^[0-9a-f-]{36}$/;

/** @param path of the URL, still percent-encoded. */
export function parseRoute(path: string): Route {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  if (path === "/token") return { kind: "token" };
  const uploads = uploadsPattern.exec(path);
  if (uploads !== null) return uploadsRoute(uploads[1] ?? "", uploads[2] ?? "");
  const [, name, endpoint, last] = endpointPattern.exec(path) ?? [];
  if (name === undefined || endpoint === undefined || last === undefined) {
    return { kind: "unknown" };
  }
  return endpointRoute(name, endpoint, decode(last));
}

function uploadsRoute(name: string, id: string): Route {
  if (!isRepositoryPath(name)) return { kind: "invalid", code: "NAME_INVALID" };
  if (id === "") return { kind: "uploads", name };
  return idPattern.test(id) ? { kind: "upload", name, id } : { kind: "unknown" };
}

function endpointRoute(name: string, endpoint: string, last: string): Route {
  if (!isRepositoryPath(name)) return { kind: "invalid", code: "NAME_INVALID" };
  if (endpoint === "tags") return last === "list" ? { kind: "tags", name } : { kind: "unknown" };
  if (endpoint === "manifests") {
    if (isDigest(last) || isTag(last)) return { kind: "manifest", name, reference: last };
    return { kind: "invalid", code: last.includes(":") ? "DIGEST_INVALID" : "TAG_INVALID" };
  }
  if (!isDigest(last)) return { kind: "invalid", code: "DIGEST_INVALID" };
  return { kind: endpoint === "blobs" ? "blob" : "referrers", name, digest: last };
}

/** Some clients write a digest's colon as `%3A`. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
