/**
 * The full name of an image: `busybox` is `docker.io/library/busybox:latest`. Digests stay; a name
 * with a digest and no tag gets none. The rules of `distribution/reference` that containerd follows.
 */
export function normalizeReference(text: string): string {
  const at = text.indexOf("@");
  const digest = at < 0 ? "" : text.slice(at);
  const name = at < 0 ? text : text.slice(0, at);
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasDomain = first.includes(".") || first.includes(":") || first === "localhost";
  const domain = !hasDomain || first === "index.docker.io" ? "docker.io" : first;
  const rest = hasDomain ? name.slice(slash + 1) : name;
  const path = domain === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  const tagged = path.lastIndexOf(":") > path.lastIndexOf("/");
  return `${domain}/${path}${tagged || digest !== "" ? "" : ":latest"}${digest}`;
}
