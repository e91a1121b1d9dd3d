/**
 * The pull policy of an image without one: `Always` for the tag `latest`, which is also the tag of
 * a name without tag and digest; `IfNotPresent` otherwise. Upstream: `SetDefaults_Container`.
 */
export function defaultPullPolicy(image: string | undefined): "Always" | "IfNotPresent" {
  if (image === undefined || image === "") return "IfNotPresent";
  const digest = image.indexOf("@");
  const name = digest < 0 ? image : image.slice(0, digest);
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  if (colon < 0) return digest < 0 ? "Always" : "IfNotPresent";
  return name.slice(colon + 1) === "latest" ? "Always" : "IfNotPresent";
}
