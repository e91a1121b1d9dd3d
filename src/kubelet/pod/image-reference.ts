/** Host that a reference without one means, as upstream's parser fills it in. */
const defaultHost = "docker.io";
const hostPattern = /^(?:localhost|[^/]*[.:][^/]*)$/;
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

export interface ImageReference {
  /** `docker.io`, `localhost:5000`. */
  readonly host: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * Reads an image reference as a manifest gives it; undefined when it is none.
 * Grammar: distribution/reference `reference.go`.
 */
export function parseImageReference(text: string): ImageReference | undefined {
  const [named = "", digest, ...more] = text.split("@");
  if (more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return undefined;
  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(slash, 0));
  const hasHost = slash > 0 && hostPattern.test(first);
  const host = hasHost ? first : defaultHost;
  const rest = hasHost ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(":");
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  if (!path.split("/").every((it) => pathPattern.test(it))) return undefined;
  const isShort = host === defaultHost && !path.includes("/");
  return { host, path: isShort ? `library/${path}` : path, tag, digest };
}

/** The policy of a container that names none: images without a tag, or `latest`, may change. */
export function pullPolicyOf(policy: string | undefined, image: string): string {
  if (policy !== undefined && policy !== "") return policy;
  const reference = parseImageReference(image);
  if (reference?.digest !== undefined) return "IfNotPresent";
  return (reference?.tag ?? "latest") === "latest" ? "Always" : "IfNotPresent";
}
