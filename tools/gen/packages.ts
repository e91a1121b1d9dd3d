// The Go packages whose types the API server speaks, and the names that OpenAPI gives them.
export const goVersion = "v0.36.6";

/** Import paths, by module; the folder below the module is the rest of the path. */
export const goPackages: readonly { readonly module: string; readonly folders: readonly string[] }[] =
  [
    {
      module: "k8s.io/api",
      folders: [
        "core/v1",
        "admission/v1",
        "admissionregistration/v1",
        "apidiscovery/v2",
        "apps/v1",
        "authentication/v1",
        "authorization/v1",
        "autoscaling/v1",
        "autoscaling/v2",
        "batch/v1",
        "certificates/v1",
        "coordination/v1",
        "discovery/v1",
        "events/v1",
        "flowcontrol/v1",
        "networking/v1",
        "node/v1",
        "policy/v1",
        "rbac/v1",
        "resource/v1",
        "scheduling/v1",
        "storage/v1",
      ],
    },
    { module: "k8s.io/apimachinery", folders: ["pkg/apis/meta/v1", "pkg/types", "pkg/version"] },
    { module: "k8s.io/kube-aggregator", folders: ["pkg/apis/apiregistration/v1"] },
    { module: "k8s.io/apiextensions-apiserver", folders: ["pkg/apis/apiextensions/v1"] },
  ];

/** `k8s.io/api/core/v1` is `io.k8s.api.core.v1`. */
export function definitionPackage(path: string): string {
  const [host = "", ...rest] = path.split("/");
  return [...host.split(".").reverse(), ...rest].join(".");
}
